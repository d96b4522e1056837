using AdaBN.Onnx;

namespace AdaBN;

/// <summary>What an adaptation gives back.</summary>
/// <param name="Model">The adapted model; only the running means and variances (and the metadata) differ from the source model.</param>
/// <param name="Report">What was measured and changed; the same for the same model and samples.</param>
/// <param name="Memory">What the work took; this may differ from run to run.</param>
public sealed record AdaptationResult(OnnxModel Model, AdaptationReport Report, MemoryUse Memory);
