using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using AdaBN.Images;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>The pages that <c>--html</c> writes.</summary>
[TestClass]
public sealed partial class HtmlCommandTests
{
    private static readonly string Digits = Repository.Model("digits-cnn.onnx"), ConvChain = Path.Combine(Repository.Golden, "conv_chain");
    private static readonly (float[][] Images, int[] Labels) Scans = ShippedDigits.Scans;

    [TestMethod]
    public async Task An_adaptation_page_holds_the_JSON_of_the_same_run_and_tells_what_was_run()
    {
        using var folder = new TemporaryFolder();
        (string data, string target, string page) = (WriteScans(folder), folder.File("adapted.onnx"), folder.File("report.html"));
        string printed = await Expect(0, "adapt", Digits, "--data", data, "--out", target, "--html", page, "--json");
        string html = await File.ReadAllTextAsync(page);
        JsonElement json = JsonOf(html), run = json.GetProperty("run");
        JsonObject alone = JsonNode.Parse(printed)!.AsObject();
        Assert.AreEqual(target, alone["wrote"]!.GetValue<string>());
        alone.Remove("wrote"); // the page tells that in 'run'
        Assert.IsTrue(JsonNode.DeepEquals(alone, JsonNode.Parse(json.GetProperty("report").GetRawText())));
        Assert.AreEqual("2026-05-04T03:02:01+00:00", run.GetProperty("date").GetString());
        Assert.AreEqual((target, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(target)))), (run.GetProperty("written").GetProperty("name").GetString()!, run.GetProperty("written").GetProperty("sha256").GetString()!));
        Assert.AreEqual(Digits, run.GetProperty("models")[0].GetString());
        Assert.AreEqual(data, run.GetProperty("data")[0].GetString());
        Assert.Contains("4 May 2026, 03:02 UTC", html);
        Assert.Contains("<h1 class=\"good\">Use the adapted model.</h1>", html);

        JsonElement predictions = json.GetProperty("predictions");
        Assert.AreEqual(1000, predictions.GetProperty("source").GetProperty("images").GetInt32());
        Assert.Contains("Of 1000 images drawn evenly from the set of 1797", html);
        Assert.HasCount(12, PictureMarks().Matches(html).ToArray());
        foreach (Match picture in PictureMarks().Matches(html)) CollectionAssert.AreEqual(new byte[] { 0x89, 0x50, 0x4E, 0x47 }, Convert.FromBase64String(picture.Groups[1].Value)[..4]);

        await Expect(0, "adapt", Digits, "--data", data, "--out", target, "--html", page, "--json");
        Assert.AreEqual(html, await File.ReadAllTextAsync(page), "the same bytes at the same time");
        Assert.HasCount(3, Directory.GetFileSystemEntries(folder.Path), "nothing else is left");
    }

    [TestMethod]
    public async Task Where_adapting_is_not_advised_the_page_is_written_and_says_so()
    {
        using var folder = new TemporaryFolder();
        string data = folder.File("same.npy"), target = folder.File("adapted.onnx"), page = folder.File("report.html");
        Npy.Write(data, [.. ShippedDigits.Mnist.Images.SelectMany(digit => digit)], ShippedDigits.Mnist.Images.Length, 1, 28, 28);
        await Expect(3, "adapt", Digits, "--data", data, "--out", target, "--gate", "--html", page);
        Assert.IsFalse(File.Exists(target));
        string html = await File.ReadAllTextAsync(page);
        Assert.Contains("Keep the model you have.", html);
        Assert.Contains("No model was written.", html);
        Assert.AreEqual(JsonValueKind.Null, JsonOf(html).GetProperty("run").GetProperty("written").ValueKind);
        Assert.AreEqual("yes", JsonOf(html).GetProperty("run").GetProperty("settings").GetProperty("--gate").GetString());
    }

    [TestMethod]
    public async Task Shift_and_evaluation_pages_hold_the_JSON_of_the_same_run()
    {
        using var folder = new TemporaryFolder();
        (string data, string labels, string page, string names) = (WriteScans(folder), folder.File("labels.txt"), folder.File("report.html"), folder.File("names.txt"));
        await File.WriteAllLinesAsync(labels, Scans.Labels.Select(label => label.ToString(CultureInfo.InvariantCulture)));
        await File.WriteAllLinesAsync(names, Enumerable.Range(0, 10).Select(i => $"digit <{i}>"));

        string[] shift = ["shift", Digits, "--data", data, "--html", page, "--json", "--class-names", names];
        using JsonDocument drift = JsonDocument.Parse(await Expect(0, shift));
        string html = await File.ReadAllTextAsync(page);
        Assert.IsTrue(JsonElement.DeepEquals(drift.RootElement, JsonOf(html).GetProperty("report")));
        Assert.Contains("These images differ from what the model knows.", html);
        Assert.Contains("Where the model is least sure", html);
        Assert.Contains("digit &lt;7&gt;", html);

        using JsonDocument one = JsonDocument.Parse(await Expect(0, "evaluate", Digits, "--data", data, "--labels", labels, "--html", page, "--json"));
        html = await File.ReadAllTextAsync(page);
        Assert.IsTrue(JsonElement.DeepEquals(one.RootElement, JsonOf(html).GetProperty("report")));
        Assert.Contains(FormattableString.Invariant($"<h1>{100 * one.RootElement.GetProperty("accuracy").GetProperty("value").GetDouble():0.0} % of the images are read rightly.</h1>"), html);

        using JsonDocument two = JsonDocument.Parse(await Expect(0, "evaluate", Digits, Digits, "--data", data, "--labels", labels, "--html", page, "--json"));
        html = await File.ReadAllTextAsync(page);
        Assert.IsTrue(JsonElement.DeepEquals(two.RootElement, JsonOf(html).GetProperty("report")));
        Assert.AreEqual("comparison", JsonOf(html).GetProperty("kind").GetString());
        Assert.Contains("No sure difference between the models.", html);
    }

    [TestMethod]
    public async Task Image_files_are_shown_by_name_as_the_model_sees_them()
    {
        using var folder = new TemporaryFolder();
        using var scans = new TemporaryFolder();
        var input = new SampleInput(null, [1, 28, 28]);
        for (int i = 0; i < 200; i++) await File.WriteAllBytesAsync(scans.File($"scan & {i:000}.png"), SamplePicture.ToPng(input, Scans.Images[i])!);
        await Expect(0, "adapt", Digits, "--data", scans.Path, "--scale", "1/255", "--policy", "adabn", "--out", folder.File("adapted.onnx"), "--html", folder.File("report.html"));
        string html = await File.ReadAllTextAsync(folder.File("report.html"));
        string[] names = [.. JsonOf(html).GetProperty("predictions").GetProperty("examples").EnumerateArray().Select(one => one.GetProperty("name").GetString()!)];
        Match[] pictures = PictureMarks().Matches(html).ToArray();
        Assert.HasCount(12, names);
        foreach ((string name, Match picture) in names.Zip(pictures)) CollectionAssert.AreEqual(await File.ReadAllBytesAsync(scans.File(name)), Convert.FromBase64String(picture.Groups[1].Value), name);
        Assert.Contains(names[0].Replace("&", "&amp;", StringComparison.Ordinal), html);
    }

    [TestMethod]
    public async Task Models_with_two_inputs_have_pages_too()
    {
        using var folder = new TemporaryFolder();
        string golden = Path.Combine(Repository.Golden, "two_inputs"), page = folder.File("report.html");
        await Expect(0, "adapt", Path.Combine(golden, "model.onnx"), "--data", Path.Combine(golden, "color.npy"), "--input", "color", "--data", Path.Combine(golden, "depth.npy"), "--input", "depth", "--policy", "adabn",
            "--out", folder.File("adapted.onnx"), "--html", page);
        JsonElement json = JsonOf(await File.ReadAllTextAsync(page));
        Assert.AreEqual(2, json.GetProperty("run").GetProperty("data").GetArrayLength());
        Assert.AreEqual("color depth", json.GetProperty("run").GetProperty("settings").GetProperty("--input").GetString());
        Assert.AreEqual(json.GetProperty("report").GetProperty("samples").GetInt32(), json.GetProperty("predictions").GetProperty("source").GetProperty("images").GetInt32());
    }

    [TestMethod]
    public async Task Pages_that_cannot_be_written_are_refused_before_any_work()
    {
        using var folder = new TemporaryFolder();
        (string data, string target, string names) = (Path.Combine(ConvChain, "image.npy"), folder.File("adapted.onnx"), folder.File("names.txt"));
        await File.WriteAllLinesAsync(names, ["a", "b"]);
        string[] adapt = ["adapt", Path.Combine(ConvChain, "model.onnx"), "--data", data, "--out", target];
        Assert.Contains("give another", await Fault(2, [.. adapt, "--html", target]));
        Assert.Contains("give another", await Fault(2, [.. adapt, "--html", data]));
        Assert.Contains("does not exist", await Fault(1, [.. adapt, "--html", folder.File("nowhere/report.html")]));
        Assert.Contains("is a folder", await Fault(2, [.. adapt, "--html", folder.Path]));
        Assert.Contains("--class-names names classes on the page of --html", await Fault(2, [.. adapt, "--class-names", names]));
        Assert.Contains("there is no file", await Fault(1, [.. adapt, "--html", folder.File("r.html"), "--class-names", folder.File("none.txt")]));
        string scans = WriteScans(folder);
        Assert.Contains("has 2 lines, expected 10", await Fault(2, "adapt", Digits, "--data", scans, "--out", target, "--html", folder.File("r.html"), "--class-names", names));
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path), "neither model nor page");
    }

    [TestMethod]
    public async Task Chromium_shows_pages_in_light_and_dark_on_paper_and_on_a_phone_without_faults()
    {
        if (!Browser.IsInstalled) Assert.Inconclusive(Browser.WhySkipped);
        using var folder = new TemporaryFolder();
        string names = folder.File("names.txt"), hostile = "</script><b>bold</b><x onclick=\"alert(1)\">' &amp; a name that is long beyond all reason and has no end";
        await File.WriteAllLinesAsync(names, [hostile, .. Enumerable.Range(1, 9).Select(i => $"<i>{i}</i>")]);
        await Expect(0, "adapt", Digits, "--data", WriteScans(folder), "--out", folder.File("adapted.onnx"), "--html", folder.File("adapt.html"), "--class-names", names);
        LayerShift[] layers = [.. Enumerable.Range(0, 60).Select(i => new LayerShift(i, $"/{hostile}/{new string('x', i)}", i, 64, 64, new ShiftFigures(1, 1, 1, i / 60.0), 0.02, 0.2, i % 3 == 0, 0.1,
            [.. Enumerable.Range(0, 40).Select(c => new ChannelShift(Math.Sin(c + i), Math.Cos(c * i), c, c) { StandardError = 0.1 })]))];
        var context = new ReportContext { Models = [hostile], Data = [hostile], Classes = [.. Enumerable.Range(0, 30).Select(i => $"{i} {hostile}")] };
        await File.WriteAllTextAsync(folder.File("shift.html"), new ShiftReport(ShiftReport.JsonSchema, hostile, hostile, 64, null, 0.25, true, layers, [hostile]).ToHtml(context));
        ConfusionCount[] confusion = [.. Enumerable.Range(0, 30).SelectMany(c => Enumerable.Range(0, 30).Select(p => new ConfusionCount(c, p, c == p ? 1000 : c)))];
        await File.WriteAllTextAsync(folder.File("evaluate.html"), new EvaluationReport(hostile, hostile, 5, 1000, new Estimate(0.5, 0.4, 0.6), 0.1,
            [.. Enumerable.Range(0, 30).Select(c => new ClassRecall(c, 1000 + (29 * c), 1435, new Estimate(0.5, 0.4, 0.6)))], confusion).ToHtml(context));

        using JsonDocument found = JsonDocument.Parse(Browser.Look(folder.Path, folder.File("adapt.html"), folder.File("shift.html"), folder.File("evaluate.html")));
        foreach (JsonProperty page in found.RootElement.EnumerateObject())
        {
            foreach (JsonProperty view in page.Value.EnumerateObject())
            {
                string where = $"{page.Name}, {view.Name}: {view.Value}";
                foreach (string none in (string[])["errors", "tooWide", "faint"]) Assert.AreEqual(0, view.Value.GetProperty(none).GetArrayLength(), where);
                foreach (string zero in (string[])["brokenHeadings", "chartsWithoutLabel", "tablesWithoutCaption", "picturesWithoutText", "marksFromData"]) Assert.AreEqual(0, view.Value.GetProperty(zero).GetInt32(), where);
                Assert.EndsWith($"/{page.Name}.html", view.Value.GetProperty("requests").EnumerateArray().Single().GetString()!, where);
                Assert.AreEqual(view.Value.GetProperty("window").GetInt32(), view.Value.GetProperty("width").GetInt32(), where);
                Assert.AreEqual(view.Name == "dark" ? "rgb(20, 23, 26)" : "rgb(255, 255, 255)", view.Value.GetProperty("background").GetString(), where);
                Assert.IsGreaterThan(1000, new FileInfo(folder.File($"{page.Name}-{view.Name}.png")).Length, where);
            }
        }
        Assert.AreEqual(3 * 4, found.RootElement.EnumerateObject().Sum(page => page.Value.EnumerateObject().Count()));
    }

    private static string WriteScans(TemporaryFolder folder)
    {
        string data = folder.File("scans.npy");
        Npy.Write(data, [.. Scans.Images.SelectMany(image => image)], Scans.Images.Length, 1, 28, 28);
        return data;
    }

    private static JsonElement JsonOf(string html) => JsonDocument.Parse(JsonMark().Match(html).Groups[1].Value).RootElement;

    private static async Task<string> Expect(int exitCode, params string[] args)
    {
        (int code, string output, string error) = await Run(args);
        Assert.AreEqual(exitCode, code, error);
        return output;
    }

    private static async Task<string> Fault(int exitCode, params string[] args)
    {
        (int code, _, string error) = await Run(args);
        Assert.AreEqual(exitCode, code, error);
        return error;
    }

    private static async Task<(int ExitCode, string Output, string Error)> Run(string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await AdabnCommand.RunAsync(args, output, error, new StoppedClock());
        return (code, output.ToString(), error.ToString());
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);
    }

    [GeneratedRegex("<script type=\"application/json\" id=\"report-json\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex JsonMark();

    [GeneratedRegex("src=\"data:image/png;base64,([^\"]+)\"")]
    private static partial Regex PictureMarks();
}
