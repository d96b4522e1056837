namespace AdaBN;

/// <summary>What an adaptation will need, in bytes, beside the program and the data's own memory.</summary>
/// <param name="Activations">Tensors between stages at their widest: samples × bytes a sample. Up to <see cref="AdaptationOptions.MaxMemory"/> of it in RAM, the rest in temporary files.</param>
/// <param name="Workspace">Tensors of the batches under way.</param>
/// <param name="Model">The model's weights, five times: the file read, its tensors, pieces written for sessions and opened in them, the adapted file.</param>
public sealed record MemoryEstimate(long Activations, long Workspace, long Model)
{
    /// <summary>The sum.</summary>
    public long Total => Activations + Workspace + Model;
}

/// <summary>What an adaptation has used.</summary>
/// <param name="PeakActivations">The most bytes of tensors, between stages and under way, at one time.</param>
/// <param name="Spilled">Bytes of temporary files among it.</param>
public sealed record MemoryUse(long PeakActivations, long Spilled);
