using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace AdaBN.Benchmarks;

/// <summary>One figure of the comparison, as it stands in speed.json.</summary>
internal sealed record Figure(string Model, string System, int Images, double MedianMs, double RatioToInference, double PeakMB);

/// <summary>What was measured, written down: speed.json, speed.md (the same figures as a table) and rounds.json (every round).</summary>
internal sealed class Report(string command)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly string _machine = Machine.Describe();
    private readonly List<(Figure Figure, Contestant Contestant)> _rows = [];
    private readonly List<string> _remarks = [];

    /// <summary>Adds what a workload's systems have measured; inference is one of them.</summary>
    public void Add(IReadOnlyList<Contestant> contestants)
    {
        Contestant inference = contestants.First(contestant => contestant.System == "inference");
        foreach (Contestant contestant in contestants)
        {
            var figure = new Figure(contestant.Model, contestant.System, contestant.Images,
                Math.Round(contestant.MedianMs, 1), Math.Round(contestant.RatioTo(inference), 3), Math.Round(contestant.PeakMB));
            _rows.Add((figure, contestant));
        }
    }

    /// <summary>Adds a remark under the table, and says it at once.</summary>
    public void Remark(string remark)
    {
        Console.WriteLine(remark);
        _remarks.Add(remark);
    }

    /// <summary>Writes all files and prints the table.</summary>
    public void Write()
    {
        Results.Write("speed", Markdown());
        File.WriteAllText(Path.Combine(Workload.Folder, "speed.json"), JsonSerializer.Serialize(_rows.Select(row => row.Figure), _json));
        File.WriteAllText(Path.Combine(Workload.Folder, "rounds.json"), JsonSerializer.Serialize(new
        {
            command,
            machine = _machine,
            remarks = _remarks,
            systems = _rows.Select(row => row.Contestant).Select(contestant => new
            {
                contestant.Model,
                contestant.System,
                contestant.Note,
                ms = contestant.Times,
                contestant.PeakMB,
                contestant.BaselineMB,
            }),
        }, _json));
    }

    private string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine("## Speed and memory");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`{command}` on {_machine}; it took {Stopwatch.GetElapsedTime(_start).TotalSeconds:0} s.");
        text.AppendLine();
        text.AppendLine("| model | images | system | median ms | images/s | ratio to inference | peak MB | rounds | set up |");
        text.AppendLine("|---|--:|---|--:|--:|--:|--:|--:|---|");
        foreach ((Figure figure, Contestant contestant) in _rows)
        {
            double perSecond = 1000 * figure.Images / figure.MedianMs;
            text.Append(CultureInfo.InvariantCulture, $"| {figure.Model} | {figure.Images} | {figure.System} | {figure.MedianMs:0.#} | {perSecond:0.#} ");
            text.AppendLine(CultureInfo.InvariantCulture, $"| {figure.RatioToInference:0.00} | {figure.PeakMB:0} | {contestant.Times.Count} | {contestant.Note} |");
        }
        text.AppendLine();
        foreach (string line in Comparisons()) text.AppendLine(line);
        foreach (string remark in _remarks) text.AppendLine(CultureInfo.InvariantCulture, $"- {remark}");
        return text.ToString();
    }

    /// <summary>How much faster exact adaptation is than what people do today; quotients of the rows' medians.</summary>
    private IEnumerable<string> Comparisons()
    {
        foreach (IGrouping<string, Figure> model in _rows.Select(row => row.Figure).GroupBy(figure => figure.Model))
        {
            double? Of(string system) => model.FirstOrDefault(figure => figure.System == system)?.MedianMs;
            if (Of("pytorch-train") / Of("exact") is not { } quotient) continue;
            yield return string.Create(CultureInfo.InvariantCulture, $"- {model.Key}: exact is {quotient:0.00} times as fast as PyTorch's train-mode pass.");
        }
    }
}
