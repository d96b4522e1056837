namespace AdaBN;

/// <summary>A normalization that was found in a model.</summary>
/// <param name="Index">Its place among the normalizations, from 0, in the order of computation.</param>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Form">The operator, such as <c>BatchNormalization</c>; <c>Conv (BatchNormalization folded in)</c> where a layer has taken it in.</param>
/// <param name="Channels">Number of channels, where known.</param>
/// <param name="Depth">Number of BatchNormalization nodes before it on the longest path from the model's inputs; null where it does not depend on them.</param>
/// <param name="DeclinedBecause">Why its statistics cannot be re-estimated, or null when they can.</param>
public sealed record NormalizationLayer(int Index, string Name, string Form, int? Channels, int? Depth, string? DeclinedBecause)
{
    /// <summary>Whether an adaptation can re-estimate its statistics.</summary>
    public bool CanAdapt => DeclinedBecause is null;

    /// <summary>False for a layer that is listed only to say why no BatchNormalization is thought to be folded into it.</summary>
    public bool IsNormalization => Form is not ("Conv" or "ConvTranspose" or "Gemm");
}
