using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using AdaBN.Onnx;
using AdaBN.Reporting.Pages;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Tests;

/// <summary>Pages of reports: what they state stands in their JSON, what files name stays text.</summary>
[TestClass]
public sealed class ReportPageTests
{
    private const string Hostile = "</script><script>alert(1)</script><b a=\"x\" c='y'>&amp; \u202E";

    private static readonly OnnxModel Digits = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
    private static readonly ISampleSource Scans = SampleSource.FromArrays(ShippedDigits.Scans.Images, 1, 28, 28);

    [TestMethod]
    public void The_tables_of_an_adaptation_hold_the_numbers_of_its_JSON_with_all_digits()
    {
        AdaptationReport report = BatchNormAdapter.Adapt(Digits, Scans).Report;
        string html = report.ToHtml();
        XDocument page = Parse(html);
        JsonElement json = JsonOf(page).GetProperty("report");
        Assert.AreEqual(report.ToJson(), JsonSerializer.Serialize(json, ReadableJson), "the JSON inside is that of the report");

        XElement[] rows = Rows(page, "layers");
        JsonElement[] layers = [.. json.GetProperty("layers").EnumerateArray()];
        Assert.HasCount(layers.Length, rows);
        foreach ((XElement row, JsonElement layer) in rows.Zip(layers))
        {
            Assert.AreEqual(layer.GetProperty("name").GetString(), row.Element("th")!.Value);
            JsonElement before = layer.GetProperty("before");
            double[] expected =
            [
                before.GetProperty("wasserstein").GetDouble(), layer.GetProperty("standardError").GetDouble(), before.GetProperty("meanShift").GetDouble(), before.GetProperty("logVarianceRatio").GetDouble(),
                before.GetProperty("symmetricKL").GetDouble(), layer.GetProperty("after").GetProperty("wasserstein").GetDouble(), layer.GetProperty("depth").GetDouble(), layer.GetProperty("channels").GetDouble(),
            ];
            CollectionAssert.AreEqual(expected, Numbers(row));
        }
        int[] source = [.. json.GetProperty("verdict").GetProperty("source").GetProperty("histogram").EnumerateArray().Select(count => count.GetInt32())];
        int[] adapted = [.. json.GetProperty("verdict").GetProperty("adapted").GetProperty("histogram").EnumerateArray().Select(count => count.GetInt32())];
        CollectionAssert.AreEqual(source.Zip(adapted).SelectMany(pair => new double[] { pair.First, pair.Second }).ToArray(), Rows(page, "classes").SelectMany(Numbers).ToArray());
        foreach (JsonElement reason in json.GetProperty("verdict").GetProperty("reasons").EnumerateArray()) Assert.Contains(reason.GetString()!, page.Root!.Value);
        Assert.Contains(report.SourceSha256, page.Root!.Value);
        Assert.AreEqual("Use the adapted model.", page.Descendants("h1").Single().Value);
        Assert.AreEqual(html, report.ToHtml(), "the same every time");
    }

    [TestMethod]
    public void Channels_shown_are_those_that_moved_most_with_their_statistics()
    {
        AdaptationReport report = BatchNormAdapter.Adapt(Digits, Scans, PaperAdaBN.Options).Report;
        XElement[] articles = [.. Parse(report.ToHtml()).Descendants("article")];
        LayerReport[] most = [.. report.Layers.OrderByDescending(layer => layer.Before.Wasserstein).Take(3)];
        Assert.HasCount(3, articles);
        foreach ((XElement article, LayerReport layer) in articles.Zip(most))
        {
            Assert.EndsWith(layer.Name, article.Element("h3")!.Value);
            int[] channels = [.. Enumerable.Range(0, layer.Channels).OrderByDescending(c => layer.ChannelShifts[c]).Take(5)];
            CollectionAssert.AreEqual(channels, article.Descendants("tbody").Elements("tr").Select(row => int.Parse(row.Element("th")!.Value, CultureInfo.InvariantCulture)).ToArray());
            foreach ((XElement row, int c) in article.Descendants("tbody").Elements("tr").Zip(channels))
                CollectionAssert.AreEqual(new[] { layer.ChannelShifts[c], layer.SourceMean[c], layer.TargetMean[c], layer.AdaptedMean[c], layer.SourceVariance[c], layer.TargetVariance[c], layer.AdaptedVariance[c] }, Numbers(row));
            Assert.AreEqual(layer.Before.Wasserstein, Math.Sqrt(layer.ChannelShifts.Average(shift => shift * shift)), 1e-12);
            Assert.AreEqual(2 * 2 * layer.Channels, article.Descendants("svg").Descendants("title").Where(title => title.Value.Contains(" channels from ", StringComparison.Ordinal))
                .Sum(title => int.Parse(title.Value.Split(": ")[1].Split(' ')[0], CultureInfo.InvariantCulture)), "each channel is counted once a series");
        }
    }

    [TestMethod]
    public void The_standard_error_of_a_layer_is_that_of_the_shift_report()
    {
        ShiftReport shift = DomainShift.Measure(Digits, Scans);
        AdaptationReport kept = BatchNormAdapter.Adapt(Digits, Scans, new AdaptationOptions { Policy = AdaptationPolicy.KeepSource, JudgementImages = 0 }).Report; // nothing before a layer adapted, as there
        foreach (LayerReport layer in kept.Layers)
        {
            LayerShift same = shift.Layers.Single(other => other.Name == layer.Name);
            Assert.AreEqual(same.StandardError, layer.StandardError, 1e-6 * same.StandardError);
            for (int c = 0; c < layer.Channels; c++) Assert.AreEqual(same.Channels[c].Wasserstein, layer.ChannelShifts[c], 1e-5);
        }
    }

    [TestMethod]
    public void A_shift_page_marks_what_has_drifted_and_lists_layers_by_depth()
    {
        ShiftReport report = DomainShift.Measure(Digits, Scans, new ShiftOptions { Threshold = 0.3 });
        XDocument page = Parse(report.ToHtml());
        LayerShift[] layers = [.. report.Layers.OrderBy(layer => layer.Depth)];
        foreach ((XElement row, LayerShift layer) in Rows(page, "layers").Zip(layers))
        {
            Assert.AreEqual(layer.Name, row.Element("th")!.Value);
            CollectionAssert.AreEqual(new[] { layer.Figures.Wasserstein, layer.StandardError, layer.Figures.MeanShift, layer.Figures.LogVarianceRatio, layer.Figures.SymmetricKL, layer.Depth, layer.Channels.Count }, Numbers(row));
            Assert.AreEqual(layer.HasDrifted, row.Value.Contains("yes", StringComparison.Ordinal));
        }
        Assert.HasCount(report.Layers.Count(layer => layer.HasDrifted), page.Descendants("svg").First().Descendants("rect").Where(bar => (string)bar.Attribute("class")! == "bar drifted").ToArray());
        Assert.IsTrue(report.Layers.Any(layer => layer.HasDrifted) && report.Layers.Any(layer => !layer.HasDrifted), "the test sees both");
        Assert.AreEqual(0.3, JsonOf(page).GetProperty("report").GetProperty("threshold").GetDouble());
        double worst = report.Layers.Max(layer => layer.StandardError);
        CollectionAssert.AreEqual(new[] { 0.1, 0.05, 0.02, 0.01 }.SelectMany(error => new[] { error, Math.Ceiling(1797 * Math.Pow(worst / error, 2)) }).ToArray(), Rows(page, "narrow").SelectMany(Numbers).ToArray());
    }

    [TestMethod]
    public void Names_from_files_stay_text()
    {
        var layer = new LayerShift(0, Hostile, 0, 64, 64, new ShiftFigures(1, 1, 1, 1), 0.1, 0.7, true, null, [new ChannelShift(1, 1, 1, 1) { StandardError = 0.1 }]);
        var report = new ShiftReport(ShiftReport.JsonSchema, Hostile, Hostile, 64, null, 0.25, true, [layer], [Hostile]);
        var summary = new PredictionSummary(2, 0.5, 1, [1, 1]);
        var context = new ReportContext
        {
            Models = [Hostile], Data = [Hostile], Classes = [Hostile, "plain"], Settings = new Dictionary<string, string> { [Hostile] = Hostile }, Written = new ReportFile(Hostile, "0"),
            Predictions = new PredictionReview(2, summary, summary, 0.5, 1, [new PredictedSample(0, Hostile, 0, 0.5, 1, 0.5) { Picture = [1, 2, 3] }]),
        };
        string html = report.ToHtml(context);
        Assert.DoesNotContain("<b ", html);
        Assert.DoesNotContain("<script>", html);
        XDocument page = Parse(html); // and what was no markup has to be well-formed
        Assert.HasCount(1, page.Descendants("script").ToArray());
        Assert.AreEqual(Hostile, Rows(page, "layers").Single().Element("th")!.Value);
        Assert.AreEqual(Hostile, Rows(page, "classes")[0].Element("th")!.Value);
        Assert.AreEqual(Hostile, page.Descendants("img").Single().Attribute("alt")!.Value);
        Assert.AreEqual(Hostile, JsonOf(page).GetProperty("run").GetProperty("data")[0].GetString());
        Assert.AreEqual(Hostile, JsonOf(page).GetProperty("predictions").GetProperty("examples")[0].GetProperty("name").GetString());
    }

    [TestMethod]
    public void Figures_that_are_infinite_and_many_layers_with_long_names_are_drawn_inside_the_chart()
    {
        LayerShift[] layers = [.. Enumerable.Range(0, 120).Select(i => new LayerShift(i, $"/a/rather/long/name/of/a/layer{new string('x', i)}", i, 1, 1,
            new ShiftFigures(0, 0, 0, i == 7 ? double.PositiveInfinity : i == 8 ? double.NaN : i), i == 9 ? double.PositiveInfinity : 0.5, 0, false, null, [new ChannelShift(double.NegativeInfinity, double.NaN, 0, i)]))];
        XDocument page = Parse(new ShiftReport(ShiftReport.JsonSchema, "0", "1", 1, null, 0.25, false, layers, []).ToHtml());
        XElement chart = page.Descendants("svg").First();
        double height = double.Parse(chart.Attribute("height")!.Value, CultureInfo.InvariantCulture);
        Assert.HasCount(120, chart.Descendants("rect").ToArray());
        double last = -1;
        foreach (XElement bar in chart.Descendants("rect"))
        {
            double left = Percent(bar, "x"), y = Plain(bar, "y"), tall = Plain(bar, "height");
            Assert.IsTrue(left > last && left + Percent(bar, "width") <= 100 && y >= 0 && tall >= 1 && y + tall < height, bar.ToString());
            last = left + Percent(bar, "width") - 1e-9;
        }
        Assert.Contains("∞", Rows(page, "layers")[7].Value);
        Assert.Contains("no number", Rows(page, "layers")[8].Value);
        Assert.IsLessThan(15, chart.Descendants("text").Count(text => Plain(text, "y") > Plain(chart.Descendants("rect").First(), "y")), "numbers under the bars are thinned out");
    }

    [TestMethod]
    public void The_date_is_the_only_thing_that_time_changes_and_culture_changes_nothing()
    {
        AdaptationReport report = BatchNormAdapter.Adapt(Digits, Scans, PaperAdaBN.Options).Report;
        var first = new ReportContext { Date = new DateTimeOffset(2026, 3, 1, 12, 30, 0, TimeSpan.FromHours(2)) };
        string page = report.ToHtml(first), later = report.ToHtml(first with { Date = first.Date.Value.AddYears(1) });
        Assert.Contains("1 March 2026, 10:30 UTC", page);
        Assert.AreEqual(page, later.Replace("2027-03-01", "2026-03-01", StringComparison.Ordinal).Replace("March 2027", "March 2026", StringComparison.Ordinal));
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            (comma.NumberFormat.NumberDecimalSeparator, comma.NumberFormat.NegativeSign, comma.DateTimeFormat.DateSeparator) = (",", "~", "!");
            CultureInfo.CurrentCulture = comma;
            Assert.AreEqual(page, report.ToHtml(first));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [TestMethod]
    public void An_evaluation_page_counts_as_its_report_and_shows_the_classes_with_most_errors_of_many()
    {
        const int classes = 1000, most = 20;
        ConfusionCount[] confusion = [.. Enumerable.Range(0, classes).SelectMany(c => new[] { new ConfusionCount(c, c, 1000), new ConfusionCount(c, (c + 1) % classes, c % 37 == 5 ? c : 1) }).OrderBy(cell => (cell.Label, cell.Predicted))];
        ClassRecall[] recalls = [.. Enumerable.Range(0, classes).Select(c => new ClassRecall(c, confusion.Where(cell => cell.Label == c).Sum(cell => cell.Samples), confusion.Where(cell => cell.Predicted == c).Sum(cell => cell.Samples), new Estimate(0.5, 0.4, 0.6)))];
        var report = new EvaluationReport("ab", "1", null, 5, new Estimate(0.5, 0.4, 0.6), 0.1, recalls, confusion);
        XDocument page = Parse(report.ToHtml());
        int[] expected = [.. Enumerable.Range(0, classes).OrderByDescending(c => confusion.Where(cell => (cell.Label == c) != (cell.Predicted == c)).Sum(cell => cell.Samples)).Take(most).Order()];
        XElement[] rows = Rows(page, "confusion");
        CollectionAssert.AreEqual(expected, rows.Select(row => int.Parse(row.Element("th")!.Value, CultureInfo.InvariantCulture)).ToArray());
        foreach ((XElement row, int label) in rows.Zip(expected))
        {
            foreach ((XElement cell, int predicted) in row.Elements("td").Zip(expected))
            {
                int count = confusion.Where(one => one.Label == label && one.Predicted == predicted).Sum(one => one.Samples);
                Assert.AreEqual(count == 0 ? "·" : count.ToString(CultureInfo.InvariantCulture), cell.Value);
            }
        }
        Assert.HasCount(50, Rows(page, "classes"));
        Assert.Contains("the 50 classes of lowest recall of 1000", page.Root!.Value);
        Assert.AreEqual(confusion.Length, JsonOf(page).GetProperty("report").GetProperty("confusion").GetArrayLength());
    }

    [TestMethod]
    public void Predictions_are_those_of_ONNX_Runtime_for_the_images_drawn()
    {
        float[][] images = [.. ShippedDigits.Scans.Images.Take(300)];
        OnnxModel adapted = BatchNormAdapter.Adapt(Digits, SampleSource.FromArrays(images, 1, 28, 28), PaperAdaBN.Options).Model;
        PredictionReview review = PredictionReview.Of(Digits, adapted, SampleSource.FromArrays(images, 1, 28, 28), nameOf: index => $"#{index}", pictureOf: tensors => [(byte)(tensors[0].Length % 251)])!;
        (int[] before, double[] sureBefore) = Predict(Digits, images);
        (int[] after, double[] sureAfter) = Predict(adapted, images);
        Assert.AreEqual((300, 300), (review.Read, review.Source.Images));
        CollectionAssert.AreEqual(Enumerable.Range(0, 10).Select(c => before.Count(one => one == c)).ToArray(), review.Source.Histogram.ToArray());
        CollectionAssert.AreEqual(Enumerable.Range(0, 10).Select(c => after.Count(one => one == c)).ToArray(), review.Adapted!.Histogram.ToArray());
        int[] changed = [.. Enumerable.Range(0, 300).Where(i => before[i] != after[i])];
        Assert.AreEqual(changed.Length, review.Changed);
        Assert.AreEqual(1 - (changed.Length / 300.0), review.Agreement!.Value, 1e-12);
        Assert.HasCount(12, review.Examples);
        foreach (PredictedSample one in review.Examples)
        {
            Assert.AreEqual((before[one.Index], after[one.Index], $"#{one.Index}", (byte)(784 % 251)), (one.Class, one.AdaptedClass!.Value, one.Name!, one.Picture!.Single()));
            Assert.AreEqual(sureBefore[one.Index], one.Probability, 1e-5);
            Assert.AreEqual(sureAfter[one.Index], one.AdaptedProbability!.Value, 1e-5);
        }
        float[][] turned = [.. images.Reverse()];
        PredictionReview again = PredictionReview.Of(Digits, adapted, SampleSource.FromArrays(turned, 1, 28, 28))!;
        CollectionAssert.AreEqual(review.Examples.Select(one => one.Index).ToArray(), again.Examples.Select(one => 299 - one.Index).ToArray(), "the same images in any order");

        PredictionReview alone = PredictionReview.Of(Digits, null, SampleSource.FromArrays(images, 1, 28, 28))!;
        Assert.IsNull(alone.Adapted);
        foreach ((double expected, PredictedSample one) in sureBefore.Order().Zip(alone.Examples)) Assert.AreEqual(expected, one.Probability, 1e-5);
    }

    [TestMethod]
    public void Of_models_without_class_scores_predictions_are_left_out_and_the_page_says_so()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 2, 3, 3).Output("y", -1, 2, 3, 3).BatchNorm("x", "y", 2).Build();
        ISampleSource samples = SampleSource.FromArrays(Enumerable.Range(0, 64).Select(i => Enumerable.Range(0, 18).Select(j => (float)Math.Sin((18 * i) + j)).ToArray()), 2, 3, 3);
        AdaptationResult result = BatchNormAdapter.Adapt(model, samples);
        PredictionReview? review = PredictionReview.Of(model, result.Model, samples);
        Assert.IsNull(review);
        XDocument page = Parse(result.Report.ToHtml(new ReportContext { Predictions = review }));
        Assert.Contains("No predictions were looked at, or the model gives none that can be compared", page.Root!.Value);
        Assert.IsEmpty(Rows(page, "classes"));
        Assert.AreEqual(JsonValueKind.Null, JsonOf(page).GetProperty("predictions").ValueKind);
    }

    [TestMethod]
    public void Axes_end_at_round_numbers_around_all_that_is_shown()
    {
        foreach ((double low, double high) in new[] { (0, 0.4), (-3.2, 17), (0, 1e-9), (5, 5), (0.0, 0), (-1e12, 1e12), (0.1, 0.10001) })
        {
            Axis axis = Axis.Over([low, high, double.NaN, double.PositiveInfinity]);
            double power = Math.Pow(10, Math.Round(Math.Log10(axis.Step) - 0.35));
            Assert.IsTrue(new[] { 1, 2, 5, 10 }.Any(digit => Math.Abs((axis.Step / power) - digit) < 1e-9), $"{axis}");
            Assert.IsTrue(axis.From <= low + 1e-12 && axis.To >= high - (1e-9 * Math.Abs(high)) && axis.Steps is >= 1 and <= 7, $"{axis} for {low} to {high}");
            Assert.HasCount(axis.Steps + 1, axis.Ticks.Select(axis.Label).Distinct().ToArray(), $"{axis}");
        }
        Assert.AreEqual((0, 1), (Axis.Over([0, 1]).Place(double.NegativeInfinity), Axis.Over([0, 1]).Place(double.PositiveInfinity)));
        CollectionAssert.AreEqual(new[] { 2, 1 }, HistogramChart.Count([0, 0.001, 1], new Axis(0, 0.5, 2)).Where(count => count > 0).ToArray());
    }

    private static readonly JsonSerializerOptions ReadableJson = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>The page as XML: its void elements closed, everything else has to be well-formed already.</summary>
    private static XDocument Parse(string html)
    {
        Assert.StartsWith("<!DOCTYPE html>\n", html);
        return XDocument.Parse(System.Text.RegularExpressions.Regex.Replace(html["<!DOCTYPE html>\n".Length..], "<(meta|img|wbr)((?:[^>\"]|\"[^\"]*\")*)>", "<$1$2/>"), LoadOptions.PreserveWhitespace);
    }

    private static JsonElement JsonOf(XDocument page) => JsonDocument.Parse(page.Descendants("script").Single().Value).RootElement;

    private static XElement[] Rows(XDocument page, string table) =>
        [.. page.Descendants("table").Where(one => (string?)one.Attribute("class") == table).SelectMany(one => one.Element("tbody")!.Elements("tr"))];

    private static double[] Numbers(XElement row) => [.. row.Descendants("data").Select(data => double.Parse(data.Attribute("value")!.Value, CultureInfo.InvariantCulture))];

    private static double Percent(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value.TrimEnd('%'), CultureInfo.InvariantCulture);

    private static double Plain(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    private static (int[] Class, double[] Probability) Predict(OnnxModel model, float[][] images)
    {
        using var session = new InferenceSession(model.ToBytes());
        using var run = new RunOptions();
        var classes = new int[images.Length];
        var probabilities = new double[images.Length];
        for (int i = 0; i < images.Length; i++)
        {
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(images[i], [1, 1, 28, 28]);
            using var outputs = session.Run(run, new Dictionary<string, OrtValue> { ["image"] = input }, ["logits"]);
            double[] scores = [.. outputs[0].GetTensorDataAsSpan<float>().ToArray().Select(score => (double)score)];
            classes[i] = Array.IndexOf(scores, scores.Max());
            probabilities[i] = 1 / scores.Sum(score => Math.Exp(score - scores.Max()));
        }
        return (classes, probabilities);
    }
}
