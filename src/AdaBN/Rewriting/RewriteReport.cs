using AdaBN.Onnx;
using AdaBN.Reporting;

namespace AdaBN;

/// <summary>What a rewrite gives back.</summary>
/// <param name="Model">The rewritten model; beside the layers' own nodes and tensors (and the metadata) it is the source model, byte for byte.</param>
/// <param name="Report">What was done.</param>
public sealed record RewriteResult(OnnxModel Model, RewriteReport Report);

/// <summary>What a rewrite did to a model.</summary>
/// <param name="Rewrite">Its description.</param>
/// <param name="SourceSha256">SHA-256 of the source model's file.</param>
/// <param name="ToolVersion">Version of this library.</param>
/// <param name="Layers">The chosen layers, shallow to deep, those that stay included.</param>
/// <param name="Findings">What a user should know about the result, in plain sentences.</param>
public sealed record RewriteReport(string Rewrite, string SourceSha256, string ToolVersion, IReadOnlyList<RewrittenLayer> Layers, IReadOnlyList<string> Findings)
{
    /// <summary>The report as JSON, camelCase.</summary>
    public string ToJson() => ReportJson.Write(this);
}

/// <summary>A layer that was chosen.</summary>
/// <param name="Index">Its place among the source model's normalizations (<see cref="NormalizationLayer.Index"/>).</param>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Depth">Number of BatchNormalization nodes before it on the longest path.</param>
/// <param name="LeftBecause">Why it stays as it is; null where it was rewritten.</param>
/// <param name="Normalization">What it is now, such as <c>InstanceNorm</c>; null where it stays.</param>
/// <param name="Operators">The operators written, in order.</param>
/// <param name="Before">What the layer cost; null where it stays.</param>
/// <param name="After">What it costs now; null where it stays.</param>
public sealed record RewrittenLayer(
    int Index, string Name, int? Depth, string? LeftBecause, string? Normalization, IReadOnlyList<string> Operators, RunTimeCost? Before, RunTimeCost? After);

/// <summary>
/// What a normalization costs at run time. It computes little, so what counts is memory: each operator reads its operands and writes its result
/// once, statistics of the sample are one more reading. Small tensors are not counted, nor what a style or a segmentation map takes beside.
/// </summary>
/// <param name="Nodes">Nodes in the file.</param>
/// <param name="Passes">How often the layer's tensor is read or written; 0 for a BatchNormalization behind a Conv, which ONNX Runtime folds into that when it loads the model.</param>
/// <param name="ValuesPerSample">Numbers in the layer's tensor for one sample; null where lengths are open.</param>
public sealed record RunTimeCost(int Nodes, double Passes, long? ValuesPerSample);
