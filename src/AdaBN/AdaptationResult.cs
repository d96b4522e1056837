using AdaBN.Onnx;

namespace AdaBN;

/// <summary>What an adaptation gives back.</summary>
/// <param name="Model">The adapted model; only the running means and variances (and the metadata) differ from the source model.</param>
/// <param name="Report">What was measured and changed; the same for the same model and samples.</param>
/// <param name="Memory">What the work took; this may differ from run to run.</param>
public sealed record AdaptationResult(OnnxModel Model, AdaptationReport Report, MemoryUse Memory)
{
    /// <summary>What was measured, to go on from with further samples (<see cref="BatchNormAdapter.AdaptMore"/>).</summary>
    public required AdaptationMoments Moments { get; init; }

    /// <summary>Stages that were not measured but taken from <see cref="AdaptationOptions.StateFile"/>; 0 where nothing was resumed.</summary>
    public int ResumedStages { get; init; }

    internal IReadOnlyList<PatchLayer> Changed { get; init; } = [];

    /// <summary>The statistics alone, to be kept in a small file or in a bank of many domains.</summary>
    /// <param name="domain">A name for the domain.</param>
    public DomainPatch ToPatch(string domain) =>
        new(DomainPatch.CheckName(domain), Report.SourceSha256, Report.Method, Report.Verdict.Kind, Report.Samples, Report.Layers.Count, Report.ToolVersion, Changed);
}
