namespace AdaBN.MLNet;

/// <summary>What <c>AdaptSavedModel</c> did.</summary>
/// <param name="IsWritten">Whether the file was written; not where every statistic stays as it is.</param>
/// <param name="Steps">The ONNX steps that were measured, in their order.</param>
public sealed record SavedModelAdaptation(bool IsWritten, IReadOnlyList<AdaptedStep> Steps);

/// <summary>An ONNX step of a saved pipeline, as adapted.</summary>
/// <param name="Index">Its number among the pipeline's ONNX steps, from 0.</param>
/// <param name="Step">Its folder in the file, such as <c>TransformerChain/Transform_001</c>.</param>
/// <param name="Result">The adapted model and what was measured.</param>
/// <param name="IsChanged">Whether the adapted model computes anything else than the one in the file has.</param>
public sealed record AdaptedStep(int Index, string Step, AdaptationResult Result, bool IsChanged);
