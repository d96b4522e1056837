using System.Diagnostics;
using System.Globalization;
using System.Text;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>What the default policy costs beside the paper's, verdict and choice included: the two in turn, on the same images, warm.</summary>
internal static class AutoCost
{
    private const int Images = 1000, Rounds = 7;

    public static string Measure(IEnumerable<(Classifier Model, string Set, LabelledImages Images)> sets)
    {
        var text = new StringBuilder();
        text.AppendLine("## Cost of auto").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"Time of a whole adaptation with the default policy, its passes over {new AdaptationOptions().JudgementImages} drawn images included, over that of plain exact AdaBN; both in turn, {Rounds} rounds after one to warm up, median and range of the ratio of a round.").AppendLine();
        text.AppendLine("| model | images | AdaBN, ms | auto / AdaBN | from – to | chosen |").AppendLine("|---|---|--:|--:|--:|---|");
        foreach ((Classifier model, string set, LabelledImages images) in sets)
        {
            LabelledImages some = images.EvenlySpaced(Images);
            float[][] prepared = model.Prepare(some.Images);
            (double Ms, string Method) Time(AdaptationOptions options)
            {
                long start = Stopwatch.GetTimestamp();
                string method = BatchNormAdapter.Adapt(model.Model, SampleSource.FromArrays(prepared, model.Shape), options).Report.Method;
                return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, method);
            }
            var rounds = new (double Plain, double Ratio)[Rounds];
            string chosen = "";
            for (int round = -1; round < Rounds; round++)
            {
                double plain = Time(PaperAdaBN.Options).Ms;
                (double auto, chosen) = Time(new AdaptationOptions());
                if (round >= 0) rounds[round] = (plain, auto / plain);
            }
            double[] ratios = [.. rounds.Select(round => round.Ratio).Order()];
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {model.Name} | {some.Count} of {set} | {rounds.Select(round => round.Plain).Order().ElementAt(Rounds / 2):0} | {ratios[Rounds / 2]:0.00} | {ratios[0]:0.00} – {ratios[^1]:0.00} | {chosen.Replace("AdaBN (auto: ", "", StringComparison.Ordinal).Replace(", population variance)", "", StringComparison.Ordinal)} |");
        }
        return text.AppendLine().ToString();
    }
}
