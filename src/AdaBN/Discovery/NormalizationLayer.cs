namespace AdaBN;

/// <summary>A normalization that was found in a model.</summary>
/// <param name="Index">Its place among the normalizations, from 0, in the order of computation.</param>
/// <param name="Name">The node's name, or its output's where it has none.</param>
/// <param name="Form">
/// The operator, such as <c>BatchNormalization</c>, also where other operators spell it out; <c>Conv (BatchNormalization folded in)</c> where
/// a layer has taken it in; <c>Input</c> for an input of the model whose channels are to be aligned.
/// </param>
/// <param name="Channels">Number of channels, where known.</param>
/// <param name="Depth">Number of BatchNormalization nodes before it on the longest path from the model's inputs; null where it does not depend on them.</param>
/// <param name="DeclinedBecause">Why its statistics cannot be re-estimated, or null when they can.</param>
public sealed record NormalizationLayer(int Index, string Name, string Form, int? Channels, int? Depth, string? DeclinedBecause)
{
    /// <summary>Whether an adaptation can re-estimate its statistics.</summary>
    public bool CanAdapt => DeclinedBecause is null;

    /// <summary>How the layer is written in the file where that is not one node of the main graph in inference form with float32 initializers.</summary>
    public string? Spelling { get; init; }

    /// <summary>Where its running mean and variance stand; null where it has none.</summary>
    public string? Statistics { get; init; }

    /// <summary>What to do about a layer that is declined; null where nothing is wrong.</summary>
    public string? Mend { get; init; }

    /// <summary>False for a layer that is listed only to say why no BatchNormalization is thought to be folded into it.</summary>
    public bool IsNormalization => Form is not ("Conv" or "ConvTranspose" or "Gemm");

    /// <summary>Whether it is a layer that a BatchNormalization was folded into.</summary>
    public bool IsFolded => Form.EndsWith(FoldedIn, StringComparison.Ordinal);

    /// <summary>Whether it is no layer but an input of the model, named so.</summary>
    public bool IsInput => Form == Input;

    internal const string Input = "Input";

    internal const string FoldedIn = "(BatchNormalization folded in)";
}
