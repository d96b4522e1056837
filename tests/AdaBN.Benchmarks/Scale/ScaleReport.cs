using System.Globalization;
using System.Text;
using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Scale;

/// <summary>scale.json, the figures alone, and SCALE.md: what was measured, then what the model makes of it.</summary>
/// <param name="machine">The machine, described before the first measurement.</param>
/// <param name="figures">A model each.</param>
/// <param name="exchanges">Times of exchanges alone: by launcher and number of ranks.</param>
internal sealed class ScaleReport(string machine, IReadOnlyList<ScaleFigures> figures, IReadOnlyDictionary<string, Dictionary<int, IReadOnlyList<ExchangeTime>>> exchanges)
{
    private const string Mark = "<!-- summary -->";
    private const int ManyRanks = 64, Channels = 512;
    private const double AimedSpeedUp = 1.8, AimedMerging = 0.01;
    private static readonly double[] _images = [1e6, 1e7, 1e8, 1e9];
    private static readonly int[] _weak = [1, 2, 4, 8, 16, 32, 64], _strong = [1, 16, 64, 256, 1024, 4096];
    private static readonly JsonSerializerOptions _json = new() { WriteIndented = true };
    private readonly double _workMs = MergeWork.MsOfAByte(ManyRanks, Channels);

    // A network slower than most that clusters have: 1 Gbit/s and 0.1 ms.
    private static readonly (double LatencyMs, double ByteMs) _slowNetwork = (0.1, 8e-6);

    public void Write()
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"""
            # Several processes

            Written by this command; `artifacts/bench/scale.json` has the figures alone.

                ./build.sh bench --scale

            On {machine}. Read ratios, not milliseconds: this is a shared virtual machine.

            - Every process has one processor (`taskset`) and one thread; images lie in a NumPy file, in the page cache; AdaBN as its paper has it, unjudged. The clock runs inside the processes, from
              the model in memory to the adapted model in memory, until the last process is done; all are warm, and idle until their turn.
            - Jobs take turns, round by round; a speed-up is the median over {figures[0].One.Rounds.Count} rounds of the round's own ratio, its range over the rounds in brackets.
            - Work divided is the speed-up in processor time, of the process that took most: what it would be if processes never waited, for each other or for other programs on the machine.
            - Ranks first compare what two samples make of the model: a fixed cost, which rows "not compared" leave out (`AllowUnlikeRanks`).
            - Two processes that know nothing of each other, at once, each with half of the images, are what this machine's processors can do: no exchange can be faster.
            - Every round of every job wrote the same model, byte for byte.

            """));
        string summary = Summary();
        text.AppendLine().Append(Mark).Append(summary).AppendLine(Mark).AppendLine();
        foreach (ScaleFigures figure in figures) Measured(text, figure);
        ExchangesAlone(text);
        foreach (ScaleFigures figure in figures) Modelled(text, figure);
        Directory.CreateDirectory(Workload.Folder);
        string file = Path.Combine(Workload.Folder, "SCALE.md");
        File.WriteAllText(file, text.ToString().TrimEnd() + "\n");
        File.Copy(file, Path.Combine(Repository.Root, "tests", "AdaBN.Benchmarks", "SCALE.md"), overwrite: true);
        string page = Path.Combine(Repository.Root, "docs", "scaling.md");
        string[] parts = File.ReadAllText(page).Split(Mark);
        File.WriteAllText(page, string.Join(Mark, parts[0], summary, parts[2]));
        File.WriteAllText(Path.Combine(Workload.Folder, "scale.json"), JsonSerializer.Serialize(figures.Select(figure => new
        {
            model = figure.Model,
            images = figure.Images,
            ceiling = Math.Round(figure.TwoAlone.SpeedUpOver(figure.One), 3),
            jobs = All(figure).Select(job => new { job.Name, medianMs = Math.Round(job.MedianMs, 1), speedUp = Math.Round(job.SpeedUpOver(figure.One), 3), workDivided = Math.Round(job.WorkDividedOver(figure.One), 3), merging = Math.Round(Merging(job), 5), rounds = job.Rounds.Select(round => new { ms = Math.Round(round.Ms, 1), processorMs = Math.Round(round.ProcessorMs, 1) }) }),
        }), _json) + "\n");
        Console.WriteLine();
        Console.WriteLine(text);
    }

    private static IEnumerable<ScaleJob> All(ScaleFigures figure) => [figure.One, figure.Half, figure.TwoAlone, .. figure.Two, figure.Unlike];

    private static double Merging(ScaleJob job) => Contestant.Median(job.Rounds.Select(round => round.MergeMs / round.Ms));

    private static void Measured(StringBuilder text, ScaleFigures figure)
    {
        ScaleAnswer answer = figure.Two[0].Rounds[0].Answers[0];
        text.AppendLine(CultureInfo.InvariantCulture, $"## {figure.Model}, {figure.Images} images, {answer.Layers} layers in {answer.Stages} stages").AppendLine();
        text.AppendLine("| job | median ms | speed-up | work divided | merging | waiting for the other | calls | bytes a rank gives | a stage |").AppendLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (ScaleJob job in All(figure))
        {
            bool exchanges = job.Rounds[0].Answers[0].Exchanges.Count > 0;
            ScaleRound first = job.Rounds[0];
            double waiting = Contestant.Median(job.Rounds.Select(round => (round.ExchangeMs - round.MergeMs) / round.Ms));
            IEnumerable<double> ratios = job.Rounds.Zip(figure.One.Rounds, (own, one) => one.Ms / own.Ms);
            string speedUp = job == figure.One || job == figure.Half ? " | " : string.Create(CultureInfo.InvariantCulture, $"{job.SpeedUpOver(figure.One):0.00} ({ratios.Min():0.00} – {ratios.Max():0.00}) | {job.WorkDividedOver(figure.One):0.00}");
            text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"| {job.Name} | {job.MedianMs:0.0} | {speedUp} | ") + (exchanges ? string.Create(CultureInfo.InvariantCulture,
                $"{100 * Merging(job):0.00} % | {100 * waiting:0.0} % | {first.Answers[0].Exchanges.Count} | {first.BytesOfARank} | {first.BytesOfARank / answer.Stages} |") : "| | | | |"));
        }
        double best = figure.Two.Max(job => job.SpeedUpOver(figure.One)), ceiling = figure.TwoAlone.SpeedUpOver(figure.One), merging = figure.Two.Max(Merging);
        text.AppendLine().AppendLine(string.Create(CultureInfo.InvariantCulture, $"Aims: speed-up at least {AimedSpeedUp:0.0} ({(best >= AimedSpeedUp ? "reached" : "missed")}: {best:0.00}, {100 * best / ceiling:0} % of the {ceiling:0.00} that two processes which know nothing of each other reach); ")
            + string.Create(CultureInfo.InvariantCulture, $"merging below {100 * AimedMerging:0} % ({(merging < AimedMerging ? "reached" : "missed")}: {100 * merging:0.00} %).")).AppendLine();
    }

    private void ExchangesAlone(StringBuilder text)
    {
        text.AppendLine("## One exchange by itself").AppendLine();
        text.AppendLine("Median ms of `ICommunicator.AllGather` in the slowest rank, all being ready; ranks beyond the number of processors share them, so that more than two say less.").AppendLine();
        int[] bytes = [.. exchanges.Values.First().Values.First().Select(time => time.Bytes)];
        text.AppendLine(CultureInfo.InvariantCulture, $"| launcher | ranks | {string.Join(" | ", bytes.Select(count => $"{count} bytes"))} |").AppendLine($"|---|--:|{string.Concat(Enumerable.Repeat("--:|", bytes.Length))}");
        foreach ((string launcher, Dictionary<int, IReadOnlyList<ExchangeTime>> byRanks) in exchanges)
            foreach ((int ranks, IReadOnlyList<ExchangeTime> times) in byRanks)
                text.AppendLine(CultureInfo.InvariantCulture, $"| {launcher} | {ranks} | {string.Join(" | ", times.Select(time => time.Ms.ToString("0.000", CultureInfo.InvariantCulture)))} |");
        text.AppendLine().AppendLine(string.Create(CultureInfo.InvariantCulture, $"Reading and merging the records of {ManyRanks} ranks, {Channels} channels each, in one process: {_workMs * 1e6:0.0} ns a byte received (measured).")).AppendLine();
    }

    private void Modelled(StringBuilder text, ScaleFigures figure)
    {
        (CostModel here, CostModel slow) = Models(figure);
        text.AppendLine(CultureInfo.InvariantCulture, $"## {figure.Model} on many ranks: a model, not a measurement").AppendLine();
        text.AppendLine("T = f + k + c·N/P + S·(P − 1)·(l + B·(g + w)) for N images on P ranks of one processor each; B = b·2·log₂(N/P/64).").AppendLine();
        text.AppendLine("| constant | value | from |").AppendLine("|---|--:|---|");
        text.AppendLine(CultureInfo.InvariantCulture, $"| f, fixed | {here.FixedMs:0.0} ms | processor time of one process, all and half of the images, least of the rounds |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| k, ranks compare themselves | {here.CompareMs:0.0} ms | processor time of two ranks, compared and not, least of the rounds |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| c, an image | {here.ImageMs:0.000} ms | processor time of one process, all and half of the images, least of the rounds |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| S, stages | {here.Stages} | the model |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| b, record of a node of the merging tree, mean of the stages | {here.NodeBytes:0} bytes | what two ranks gave |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| l, latency for each further rank | {here.LatencyMs:0.000} ms | the slowest exchange above; {slow.LatencyMs:0.000} ms assumed for a slow network |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| g, a byte received | {here.ByteMs * 1e6:0.00} ns | the slowest exchange above; {slow.ByteMs * 1e6:0.00} ns assumed for a slow network (1 Gbit/s) |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| w, reading and merging a byte | {here.WorkMs * 1e6:0.00} ns | measured above |").AppendLine();

        int share = figure.Images / 2;
        text.AppendLine(CultureInfo.InvariantCulture, $"Weak scaling, efficiency in percent (time of one rank with n images over that of P ranks with n images each):").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| images a rank | exchange | {string.Join(" | ", _weak.Select(ranks => $"P = {ranks}"))} |").AppendLine($"|--:|---|{string.Concat(Enumerable.Repeat("--:|", _weak.Length))}");
        foreach (int images in (int[])[share, 100 * share])
            foreach ((string name, CostModel model) in ((string, CostModel)[])[("as here", here), ("slow network", slow)])
                text.AppendLine(CultureInfo.InvariantCulture, $"| {images} | {name} | {string.Join(" | ", _weak.Select(ranks => (100 * model.Efficiency(images, ranks)).ToString("0.0", CultureInfo.InvariantCulture)))} |");
        text.AppendLine().Append(Strong(figure, slow)).AppendLine();
    }

    /// <summary>A set of images on ever more ranks, as the model has it.</summary>
    private static string Strong(ScaleFigures figure, CostModel network)
    {
        long activations = ActivationBytesOfAnImage(figure);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{figure.Model} on P processors of this kind over the slow network, modelled: time, share of merging, tensors that a rank keeps between stages.").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| images | {string.Join(" | ", _strong.Select(ranks => $"P = {ranks}"))} |").AppendLine($"|--:|{string.Concat(Enumerable.Repeat("--:|", _strong.Length))}");
        foreach (double images in _images)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| 10^{Math.Log10(images):0} | {string.Join(" | ", _strong.Select(ranks =>
                string.Create(CultureInfo.InvariantCulture, $"{Time(network.Ms(images, ranks))}, {100 * network.MergeMs(images, ranks) / network.Ms(images, ranks):0.0} %, {Bytes(activations * images / ranks)}")))} |");
        }
        return text.ToString();
    }

    private string Summary()
    {
        var text = new StringBuilder("\n");
        void Row(string name, Func<ScaleFigures, string> value) => text.AppendLine($"| {name} | {string.Join(" | ", figures.Select(value))} |");
        Row("", figure => string.Create(CultureInfo.InvariantCulture, $"{figure.Model}, {figure.Images} images"));
        text.AppendLine($"|---|{string.Concat(Enumerable.Repeat("--:|", figures.Count))}");
        foreach (int i in Enumerable.Range(0, figures[0].Two.Count)) Row($"{figures[0].Two[i].Name}: times as fast as one process", figure => SpeedUp(figure.Two[i], figure));
        Row("the same in processor time, whatever else the machine does", figure => figure.Two.Min(job => job.WorkDividedOver(figure.One)).ToString("0.00", CultureInfo.InvariantCulture));
        Row($"{figures[0].Unlike.Name}", figure => SpeedUp(figure.Unlike, figure));
        Row("two processes that know nothing of each other, each with half: what these two processors can do", figure => SpeedUp(figure.TwoAlone, figure));
        Row("merging, share of the time", figure => string.Create(CultureInfo.InvariantCulture, $"{100 * figure.Two.Max(Merging):0.00} %"));
        Row("bytes that a rank gives a stage", figure => string.Create(CultureInfo.InvariantCulture, $"{BytesOfAStage(figure):0}"));
        Row("an image on one processor, ms", figure => Models(figure).Here.ImageMs.ToString("0.000", CultureInfo.InvariantCulture));
        Row("efficiency of 64 ranks over a slow network, 100 times as many images each: modelled", figure =>
            string.Create(CultureInfo.InvariantCulture, $"{100 * Models(figure).SlowNetwork.Efficiency(50 * figure.Images, 64):0.0} %"));
        return text.AppendLine().Append(Strong(figures[0], Models(figures[0]).SlowNetwork)).ToString();
    }

    private static string SpeedUp(ScaleJob job, ScaleFigures figure) => job.SpeedUpOver(figure.One).ToString("0.00", CultureInfo.InvariantCulture);

    private static double BytesOfAStage(ScaleFigures figure) => (double)figure.Two[0].Rounds[0].BytesOfARank / figure.Two[0].Rounds[0].Answers[0].Stages;

    private static string Time(double ms) => ms switch
    {
        < 120e3 => string.Create(CultureInfo.InvariantCulture, $"{ms / 1e3:0} s"),
        < 120 * 60e3 => string.Create(CultureInfo.InvariantCulture, $"{ms / 60e3:0} min"),
        < 72 * 3600e3 => string.Create(CultureInfo.InvariantCulture, $"{ms / 3600e3:0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{ms / 86400e3:0} days"),
    };

    private static string Bytes(double bytes) => bytes < 1e12
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB") : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e12:0.0} TB");

    private (CostModel Here, CostModel SlowNetwork) Models(ScaleFigures figure)
    {
        double all = figure.One.LeastProcessorMs, half = figure.Half.LeastProcessorMs;
        ScaleJob compared = figure.Two[0];
        ScaleAnswer answer = compared.Rounds[0].Answers[0];
        (double Latency, double Byte)[] times = [.. exchanges.Values.SelectMany(byRanks => byRanks).Select(entry =>
        {
            (double first, ExchangeTime last, int others) = (entry.Value[0].Ms, entry.Value[^1], entry.Key - 1);
            return (first / others, Math.Max(0, last.Ms - first) / others / last.Bytes);
        })];
        var here = new CostModel(Math.Max(0, (2 * half) - all), Math.Max(0, compared.LeastProcessorMs - figure.Unlike.LeastProcessorMs), (all - half) / (figure.Images / 2), answer.Stages,
            BytesOfAStage(figure), times.Max(time => time.Latency), times.Max(time => time.Byte), _workMs);
        return (here, here with { LatencyMs = _slowNetwork.LatencyMs, ByteMs = _slowNetwork.ByteMs });
    }

    private static long ActivationBytesOfAnImage(ScaleFigures figure)
    {
        const int count = 1 << 20;
        OnnxModel model = OnnxModel.Load(Workload.ModelFile(figure.Model));
        return BatchNormAdapter.EstimateMemory(model, NpyFile.Open(Images.Prepare(model, figure.Images)), PaperAdaBN.Options with { Workers = 1 }, count).Activations / count;
    }
}
