using System.Globalization;
using System.Text;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>Accuracy on a whole set against the number of its images that were adapted to (the paper's figure 5), beside the standard error that the report foretells.</summary>
internal static class SampleSizes
{
    private static readonly int[] _counts = [4, 8, 16, 32, 64, 128, 256, 512, 1000];

    public static string Measure(IEnumerable<(Classifier Model, string Set, LabelledImages Images)> sets, bool isQuick)
    {
        var text = new StringBuilder();
        text.AppendLine("## Accuracy against the number of images").AppendLine();
        text.AppendLine("Adapted to n images, evenly spaced, and scored on all. The standard error is that of the layers' target means as the report tells it, in the source's standard");
        text.AppendLine("deviations: root mean square over channels, mean over layers.").AppendLine();
        int[] counts = isQuick ? [4, 32, 256] : _counts;
        text.AppendLine(CultureInfo.InvariantCulture, $"| model | set | | source | {string.Join(" | ", counts.Select(count => $"n = {count}"))} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|---|--:|{string.Concat(counts.Select(_ => "--:|"))}");
        foreach ((Classifier model, string set, LabelledImages images) in sets)
        {
            LabelledImages all = images.EvenlySpaced(isQuick ? 500 : 1000);
            float[][] prepared = model.Prepare(all.Images);
            double Accuracy(Onnx.OnnxModel adapted) => (double)model.Predict(adapted, prepared).Zip(all.Labels).Count(pair => pair.First == pair.Second) / all.Count;
            AdaptationResult Adapt(int count, AdaptationOptions options) => BatchNormAdapter.Adapt(model.Model, SampleSource.FromArrays(model.Prepare(all.EvenlySpaced(count).Images), model.Shape), options);
            AdaptationResult[] paper = [.. counts.Select(count => Adapt(count, PaperAdaBN.Options))];
            string source = Percent(Accuracy(model.Model));
            void Row(string what, string first, IEnumerable<string> cells) => text.AppendLine(CultureInfo.InvariantCulture, $"| {model.Name} | {set} | {what} | {first} | {string.Join(" | ", cells)} |");
            Row("AdaBN, %", source, paper.Select(result => Percent(Accuracy(result.Model))));
            Row("auto, %", source, counts.Select(count => Percent(Accuracy(Adapt(count, new AdaptationOptions()).Model))));
            Row("standard error", "", paper.Select(result => result.Report.Layers.Average(StandardError).ToString("0.000", CultureInfo.InvariantCulture)));
        }
        return text.AppendLine().ToString();
    }

    private static double StandardError(LayerReport layer) => Math.Sqrt(layer.MeanStandardError.Zip(layer.SourceVariance, (error, variance) => error * error / (variance + 1e-5)).Average());

    private static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture);
}
