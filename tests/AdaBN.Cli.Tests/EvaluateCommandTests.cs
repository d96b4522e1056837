using System.Globalization;
using System.Text.Json;
using AdaBN.Images;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Cli.Tests;

/// <summary><c>adabn score</c> and <c>adabn evaluate</c> against ONNX Runtime called here and counts made here.</summary>
[TestClass]
public sealed class EvaluateCommandTests
{
    private const float Rounding = 1e-4f;

    private static readonly string Digits = Repository.Model("digits-cnn.onnx"), ConvChain = Path.Combine(Repository.Golden, "conv_chain", "model.onnx");
    private static readonly string Images = Path.Combine(Repository.Root, "tests", "Images");
    private static readonly (float[][] Images, int[] Labels) Scans = ShippedDigits.Scans;

    [TestMethod]
    public async Task Two_models_are_compared_on_the_scans_as_counted_here()
    {
        using var folder = new TemporaryFolder();
        (string data, string labels, string adapted) = (WriteScans(folder), WriteLabels(folder, Scans.Labels), folder.File("adapted.onnx"));
        await Expect(0, "adapt", Digits, "--data", data, "--policy", "adabn", "--judge", "0", "--out", adapted);
        int[] before = Predict(Digits), after = Predict(adapted);

        using JsonDocument json = JsonDocument.Parse(await Expect(0, "evaluate", Digits, adapted, "--data", data, "--labels", labels, "--json"));
        JsonElement source = json.RootElement.GetProperty("source"), second = json.RootElement.GetProperty("adapted");
        AssertCounts(source, before);
        AssertCounts(second, after);
        Assert.AreEqual(OnnxModel.Load(adapted).Sha256, second.GetProperty("modelSha256").GetString());
        int gained = 0, lost = 0, changed = 0;
        for (int i = 0; i < before.Length; i++)
        {
            if (before[i] != after[i]) changed++;
            if (before[i] != Scans.Labels[i] && after[i] == Scans.Labels[i]) gained++;
            if (before[i] == Scans.Labels[i] && after[i] != Scans.Labels[i]) lost++;
        }
        Assert.AreEqual((changed, gained, lost), (Number(json.RootElement, "changed"), Number(json.RootElement, "gained"), Number(json.RootElement, "lost")));
        double change = (double)(gained - lost) / before.Length;
        JsonElement interval = json.RootElement.GetProperty("change");
        Assert.AreEqual(change, interval.GetProperty("value").GetDouble(), 1e-12);
        double error = 1.96 * Math.Sqrt((gained + lost - (before.Length * change * change)) / before.Length / before.Length); // McNemar's, which the interval comes close to
        Assert.AreEqual(change - error, interval.GetProperty("low").GetDouble(), 0.002);
        Assert.AreEqual(change + error, interval.GetProperty("high").GetDouble(), 0.002);

        string said = await Expect(0, "evaluate", Digits, adapted, "--data", data, "--labels", labels);
        Assert.Contains(FormattableString.Invariant($"{Digits}: accuracy {100.0 * Right(before) / before.Length:0.0} % ("), said);
        Assert.Contains(FormattableString.Invariant($"change +{100 * change:0.0} points ("), said);
        Assert.Contains($"{changed} predictions differ, {gained} samples gained, {lost} lost", said);
        Assert.DoesNotContain("change", await Expect(0, "evaluate", Digits, "--data", data, "--labels", labels));
    }

    [TestMethod]
    public async Task Scores_are_those_of_ONNX_Runtime_on_the_file_in_a_table_as_in_JSON()
    {
        using var folder = new TemporaryFolder();
        string data = WriteScans(folder), table = folder.File("scores.csv");
        float[][] expected = Score(Digits);
        Assert.Contains("1797 samples scored", await Expect(0, "score", Digits, "--data", data, "--out", table));
        string text = await File.ReadAllTextAsync(table);
        Assert.AreEqual(text.ReplaceLineEndings(" "), await Expect(0, "score", Digits, "--data", data), "standard output has the same table");
        string[] lines = text.TrimEnd().Split('\n');
        Assert.AreEqual("sample,class,probability,score0,score1,score2,score3,score4,score5,score6,score7,score8,score9", lines[0]);
        Assert.HasCount(Scans.Images.Length + 1, lines);
        for (int i = 0; i < expected.Length; i++)
        {
            double[] fields = [.. lines[i + 1].Split(',').Select(field => double.Parse(field, CultureInfo.InvariantCulture))];
            AssertLine(expected[i], i, fields[0], fields[1], fields[2], fields[3..]);
        }
        using JsonDocument json = JsonDocument.Parse(await Expect(0, "score", Digits, "--data", data, "--json"));
        JsonElement[] samples = [.. json.RootElement.GetProperty("samples").EnumerateArray()];
        Assert.HasCount(expected.Length, samples);
        for (int i = 0; i < expected.Length; i++)
        {
            AssertLine(expected[i], i, double.Parse(samples[i].GetProperty("sample").GetString()!, CultureInfo.InvariantCulture), Number(samples[i], "class"), samples[i].GetProperty("probability").GetDouble(),
                [.. samples[i].GetProperty("scores").EnumerateArray().Select(score => score.GetDouble())]);
        }
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public async Task Images_are_named_and_broken_ones_leave_no_gap()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder), table = folder.File("scores.csv");
        File.WriteAllText(Path.Combine(images, "car", "1 broken.png"), "no picture");
        await Expect(1, "score", ConvChain, "--data", images, "--preset", "imagenet", "--out", table);
        Assert.IsFalse(File.Exists(table));
        await Expect(0, "score", ConvChain, "--data", images, "--preset", "imagenet", "--max-broken", "50%", "--out", table);
        string[] lines = (await File.ReadAllTextAsync(table)).TrimEnd().Split('\n');
        CollectionAssert.AreEqual(new[] { "car/0.png", "\"car/2,a.jpg\"", "tree/3.bmp", "tree/4.png" }, lines[1..].Select(line => line[..line.IndexOf(line.StartsWith('"') ? "\"," : ",", 1, StringComparison.Ordinal)] + (line.StartsWith('"') ? "\"" : "")).ToArray());

        OnnxModel model = OnnxModel.Load(ConvChain);
        Preprocessing preprocessing = Preprocessing.Presets["imagenet"].For(model);
        using ISampleReader reader = new ImageSamples(ImageFiles.InFolder(images), preprocessing, new ImageReading { MaxBroken = 1 }).OpenReader();
        var tensor = new float[3 * 12 * 12];
        foreach (string line in lines[1..])
        {
            Assert.IsTrue(reader.TryRead([tensor]));
            float[] expected = Score(ConvChain, [tensor], 3, 12, 12)[0];
            double[] scores = [.. line.Split(',')[^5..].Select(field => double.Parse(field, CultureInfo.InvariantCulture))];
            for (int i = 0; i < 5; i++) Assert.AreEqual(expected[i], scores[i], Rounding, line);
        }
    }

    [TestMethod]
    public async Task Classes_come_from_folders_lists_and_files_alike_and_too_few_folders_are_told()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder), list = folder.File("list.csv");
        string[] preset = ["--preset", "imagenet"];
        using StringWriter output = new(), error = new();
        Assert.AreEqual(0, await AdabnCommand.RunAsync(["evaluate", ConvChain, "--data", images, .. preset, "--json"], output, error));
        Assert.Contains("names 2 classes and the model has 5", error.ToString());
        using JsonDocument json = JsonDocument.Parse(output.ToString());
        CollectionAssert.AreEqual(new[] { 2, 2, 0, 0, 0 }, json.RootElement.GetProperty("classes").EnumerateArray().Select(one => Number(one, "samples")).ToArray());
        Assert.AreEqual(JsonValueKind.Null, json.RootElement.GetProperty("classes")[2].GetProperty("recall").ValueKind);
        Assert.AreEqual(output.ToString().ReplaceLineEndings(" "), await Expect(0, ["evaluate", ConvChain, "--data", images, .. preset, "--json", "--labels", WriteLabels(folder, [0, 0, 1, 1])]));

        await File.WriteAllLinesAsync(list, ["path,label", "images/car/0.png,4", "images/tree/3.bmp,1"]);
        using JsonDocument listed = JsonDocument.Parse(await Expect(0, ["evaluate", ConvChain, "--data", list, .. preset, "--json"]));
        CollectionAssert.AreEqual(new[] { 0, 1, 0, 0, 1 }, listed.RootElement.GetProperty("classes").EnumerateArray().Select(one => Number(one, "samples")).ToArray());

        // A model that carries its preprocessing tells it for the other.
        OnnxModel carrier = OnnxModel.Load(ConvChain);
        Preprocessing.Presets["imagenet"].For(carrier).RecordIn(carrier);
        carrier.Save(folder.File("carrier.onnx"));
        using JsonDocument told = JsonDocument.Parse(await Expect(0, "evaluate", ConvChain, folder.File("carrier.onnx"), "--data", list, "--json"));
        Assert.AreEqual(0, Number(told.RootElement, "changed"));
        Assert.AreEqual(listed.RootElement.GetProperty("entropy").GetDouble(), told.RootElement.GetProperty("source").GetProperty("entropy").GetDouble());
    }

    [TestMethod]
    public async Task A_bank_scores_with_the_domain_asked_for()
    {
        using var folder = new TemporaryFolder();
        (string data, string labels, string adapted, string bank, string mixed) = (WriteScans(folder), WriteLabels(folder, Scans.Labels), folder.File("adapted.onnx"), folder.File("bank.onnx"), folder.File("mixed.onnx"));
        string[] paper = ["--policy", "adabn", "--judge", "0"], labelled = ["--data", data, "--labels", labels];
        await Expect(0, ["adapt", Digits, "--data", data, "--out", adapted, .. paper]);
        await Expect(0, ["bank", "add", Digits, "--domain", "scans", "--id", "7", "--data", data, "--out", bank, .. paper]);
        foreach ((string id, string twin) in ((string, string)[])[("7", adapted), ("0", Digits)])
        {
            using JsonDocument json = JsonDocument.Parse(await Expect(0, ["evaluate", bank, .. labelled, "--domain", id, "--json"]));
            AssertCounts(json.RootElement, Predict(twin));
            Assert.AreEqual(id, json.RootElement.GetProperty("domain").GetRawText());
        }
        using (JsonDocument both = JsonDocument.Parse(await Expect(0, ["evaluate", Digits, bank, .. labelled, "--domain", "7", "--json"])))
        {
            AssertCounts(both.RootElement.GetProperty("source"), Predict(Digits));
            AssertCounts(both.RootElement.GetProperty("adapted"), Predict(adapted));
        }
        Assert.Contains("1797 samples scored", await Expect(0, "score", bank, "--data", data, "--domain", "7", "--out", folder.File("scores.csv")));
        foreach (string command in (string[])["score", "evaluate"])
        {
            string[] rest = command == "score" ? ["--data", data] : labelled;
            Assert.Contains("no domain is given. Give an id (--domain ID): 0 the source's statistics, 7 'scans' ('adabn bank list' lists them)", await Expect(1, [command, bank, .. rest]));
            Assert.Contains("has no domain of the id 3", await Expect(1, [command, bank, .. rest, "--domain", "3"]));
            Assert.Contains("the model is no bank of domains", await Expect(1, [command, Digits, .. rest, "--domain", "7"]));
        }

        await Expect(0, "bank", "split", Digits, "--data", data, "--most", "1", "--out", mixed);
        await Expect(0, ["evaluate", mixed, .. labelled]);
        Assert.Contains("tells an image's domain by itself", await Expect(1, ["evaluate", mixed, .. labelled, "--domain", "1"]));
    }

    [TestMethod]
    public async Task Wrong_use_is_told_and_nothing_is_written()
    {
        using var folder = new TemporaryFolder();
        (string data, string images, string table) = (WriteScans(folder), MakeImages(folder), folder.File("scores.csv"));
        string two = Path.Combine(Repository.Golden, "two_inputs", "model.onnx"), color = Path.Combine(Repository.Golden, "two_inputs", "color.npy");
        string right = WriteLabels(folder, Scans.Labels), few = folder.File("few.txt"), beyond = folder.File("beyond.txt"), word = folder.File("word.txt");
        await File.WriteAllTextAsync(few, "1 2 3");
        await File.WriteAllTextAsync(beyond, string.Join(' ', Scans.Labels[1..].Append(10)));
        await File.WriteAllTextAsync(word, "1 2 three");
        string broken = Directory.CreateDirectory(folder.File("broken")).CreateSubdirectory("a").FullName;
        File.WriteAllText(Path.Combine(broken, "x.png"), "no picture");
        int files = Directory.GetFileSystemEntries(folder.Path).Length;
        (int ExitCode, string Says, string[] Arguments)[] faults =
        [
            (2, "does not tell the classes of its samples. Give --labels FILE", ["evaluate", Digits, "--data", data]),
            (1, "There are 1797 labelled samples and 3 labels", ["evaluate", Digits, "--data", data, "--labels", few]),
            (1, "A label is 10, but the model has 10 classes; expected 0 to 9 (sample 1796, counting from 0)", ["evaluate", Digits, "--data", data, "--labels", beyond]),
            (2, "entry 3 is 'three'", ["evaluate", Digits, "--data", data, "--labels", word]),
            (1, "Data and model do not fit", ["evaluate", ConvChain, "--data", data, "--labels", right]),
            (2, "takes 2 inputs (color: ", ["evaluate", two, "--data", color, "--labels", right]),
            (2, "takes 2 inputs (color: ", ["score", two, "--data", color]),
            (2, "and how the model wants them no file tells", ["evaluate", ConvChain, "--data", images]),
            (1, "an image is broken", ["evaluate", ConvChain, "--data", folder.File("broken"), "--preset", "none"]),
            (2, "There is no option '--max-broken' here", ["evaluate", ConvChain, "--data", images, "--preset", "none", "--max-broken", "1"]),
            (2, "Leave it out", ["score", Digits, "--data", data, "--preset", "none"]),
            (2, "is the source model itself", ["score", Digits, "--data", data, "--out", Digits]),
            (2, "is the data itself", ["score", Digits, "--data", data, "--out", data]),
            (1, "does not exist", ["score", Digits, "--data", data, "--out", Path.Combine(folder.Path, "nowhere", "scores.csv")]),
            (2, "'--data' is required", ["score", Digits]),
        ];
        foreach ((int exitCode, string says, string[] arguments) in faults) Assert.Contains(says, await Expect(exitCode, arguments), string.Join(' ', arguments));
        Assert.HasCount(files, Directory.GetFileSystemEntries(folder.Path));
        Assert.IsFalse(File.Exists(table));
    }

    /// <summary>A report's figures against predictions that were made here.</summary>
    private static void AssertCounts(JsonElement report, int[] predicted)
    {
        var confusion = new int[10, 10];
        for (int i = 0; i < predicted.Length; i++) confusion[Scans.Labels[i], predicted[i]]++;
        var told = new int[10, 10];
        foreach (JsonElement cell in report.GetProperty("confusion").EnumerateArray()) told[Number(cell, "label"), Number(cell, "predicted")] += Number(cell, "samples");
        CollectionAssert.AreEqual(confusion, told);
        JsonElement[] classes = [.. report.GetProperty("classes").EnumerateArray()];
        Assert.HasCount(10, classes);
        for (int c = 0; c < 10; c++)
        {
            int samples = Scans.Labels.Count(label => label == c);
            Assert.AreEqual((c, samples, predicted.Count(found => found == c)), (Number(classes[c], "class"), Number(classes[c], "samples"), Number(classes[c], "predicted")));
            AssertWilson(confusion[c, c], samples, classes[c].GetProperty("recall"));
        }
        Assert.AreEqual(predicted.Length, Number(report, "samples"));
        AssertWilson(Right(predicted), predicted.Length, report.GetProperty("accuracy"));
    }

    /// <summary>The ends of Wilson's interval are where a share p lies 1.96 of its own standard errors from the one found.</summary>
    private static void AssertWilson(int right, int of, JsonElement estimate)
    {
        double share = (double)right / of;
        Assert.AreEqual(share, estimate.GetProperty("value").GetDouble(), 1e-12);
        foreach (string end in (string[])["low", "high"])
        {
            double p = estimate.GetProperty(end).GetDouble();
            if (p is > 1e-9 and < 1 - 1e-9) Assert.AreEqual(1.959964, Math.Abs(share - p) / Math.Sqrt(p * (1 - p) / of), 1e-4);
            else Assert.IsTrue(right == 0 || right == of);
        }
    }

    private static void AssertLine(float[] expected, int number, double sample, double predicted, double probability, double[] scores)
    {
        Assert.AreEqual(number, sample);
        Assert.HasCount(expected.Length, scores);
        for (int c = 0; c < scores.Length; c++) Assert.AreEqual(expected[c], scores[c], Rounding * Math.Max(1, Math.Abs(expected[c])));
        double best = scores.Max();
        Assert.AreEqual(best, scores[(int)predicted]);
        Assert.AreEqual(1 / scores.Sum(score => Math.Exp(score - best)), probability, 1e-5);
    }

    private static int Right(int[] predicted) => predicted.Zip(Scans.Labels).Count(pair => pair.First == pair.Second);

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();

    private static int[] Predict(string model) => [.. Score(model).Select(row => Array.IndexOf(row, row.Max()))];

    private static float[][] Score(string model) => Score(model, Scans.Images, 1, 28, 28);

    private static float[][] Score(string model, float[][] samples, params long[] shape)
    {
        using var session = new InferenceSession(model);
        using OrtValue input = OrtValue.CreateTensorValueFromMemory([.. samples.SelectMany(sample => sample)], [samples.Length, .. shape]);
        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, session.InputNames, [input], session.OutputNames);
        float[] scores = [.. outputs[0].GetTensorDataAsSpan<float>()];
        return [.. scores.Chunk(scores.Length / samples.Length)];
    }

    private static string WriteScans(TemporaryFolder folder)
    {
        Npy.Write(folder.File("scans.npy"), [.. Scans.Images.SelectMany(scan => scan)], Scans.Images.Length, 1, 28, 28);
        return folder.File("scans.npy");
    }

    private static string WriteLabels(TemporaryFolder folder, int[] labels)
    {
        File.WriteAllLines(folder.File("labels.txt"), labels.Select(label => label.ToString(CultureInfo.InvariantCulture)));
        return folder.File("labels.txt");
    }

    private static string MakeImages(TemporaryFolder folder)
    {
        string images = folder.File("images");
        foreach ((string name, string picture) in (ReadOnlySpan<(string, string)>)[("car/0.png", "rgb8.png"), ("car/2,a.jpg", "420.jpg"), ("tree/3.bmp", "rgb24.bmp"), ("tree/4.png", "rgba8.png")])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(images, name))!);
            File.Copy(Path.Combine(Images, picture), Path.Combine(images, name));
        }
        return images;
    }

    /// <summary>What a command says: its output, or why it failed.</summary>
    private static async Task<string> Expect(int exitCode, params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int found = await AdabnCommand.RunAsync(arguments, output, error);
        Assert.AreEqual(exitCode, found, error.ToString());
        return (exitCode == AdabnCommand.Success ? output : error).ToString().ReplaceLineEndings(" ");
    }
}
