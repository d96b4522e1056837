using AdaBN.Onnx;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>What a search gives back.</summary>
/// <param name="Chosen">The best rewrite; null where nothing speaks for any of them and the model had better stay as it is.</param>
/// <param name="Model">The rewritten model; null where it stays as it is.</param>
/// <param name="Report">What was tried and what came of it.</param>
public sealed record RewriteSearchResult(NormalizationRewrite? Chosen, OnnxModel? Model, RewriteSearchReport Report);

/// <summary>What a search tried and what came of it.</summary>
/// <param name="Chosen">Description of the rewrite that was chosen; null where the model stays as it is.</param>
/// <param name="SourceSha256">SHA-256 of the source model's file.</param>
/// <param name="ToolVersion">Version of this library.</param>
/// <param name="Samples">Samples read, of which the images to compare by were drawn.</param>
/// <param name="Verdict">
/// Whether to use the rewritten model, and why; its predictions are those of the drawn images. With labelled samples its <see cref="Verdict.Measured"/> is what choosing by labels is
/// worth: each sample judged by the rewrite that the samples of the other folds choose.
/// </param>
/// <param name="Candidates">The model as it is, then all rewrites tried, the mildest first.</param>
/// <param name="Rewritten">What the chosen rewrite did to the layers; null where the model stays as it is.</param>
public sealed record RewriteSearchReport(
    string? Chosen, string SourceSha256, string ToolVersion, long Samples, Verdict Verdict, IReadOnlyList<RewriteCandidate> Candidates, RewriteReport? Rewritten)
{
    /// <summary>The report as JSON, camelCase.</summary>
    public string ToJson() => ReportJson.Write(this);
}

/// <summary>A rewrite that was tried.</summary>
/// <param name="Rewrite">Its description.</param>
/// <param name="Layers">Layers that it is for; 0 for the model as it is.</param>
/// <param name="LeftOutBecause">Why nothing can be said of it; null where it was compared.</param>
/// <param name="Predictions">What the rewritten model says of the drawn images.</param>
/// <param name="Agreement">Share of them that it takes for the same as the model as it is.</param>
/// <param name="EntropyChange">How much less sure it is than the model as it is, below 0 surer; the interval is that of the images' differences (normal).</param>
/// <param name="Accuracy">On the labelled samples, all of them; who picks the best of these flatters it. Null without labels.</param>
public sealed record RewriteCandidate(
    string Rewrite, int Layers, string? LeftOutBecause, PredictionSummary? Predictions, double? Agreement, Estimate? EntropyChange, Estimate? Accuracy);
