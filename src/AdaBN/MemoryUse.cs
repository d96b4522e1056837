namespace AdaBN;

/// <summary>What a process that adapts will need at its peak, in bytes, beside the data's own memory.</summary>
/// <param name="Activations">Tensors between stages at their widest: samples × bytes a sample. Up to <see cref="AdaptationOptions.MaxMemory"/> of it in RAM, the rest in temporary files.</param>
/// <param name="Workspace">Tensors of the batches under way.</param>
/// <param name="Model">The model's weights, three times: the file read, its tensors, those of the stages under way or the adapted file.</param>
public sealed record MemoryEstimate(long Activations, long Workspace, long Model)
{
    /// <summary>What .NET, ONNX Runtime and its sessions take themselves, about.</summary>
    public const long Program = 100_000_000;

    /// <summary>Each image's own moments of one stage's layers, where the policy looks at them (<see cref="IAdaptationPolicy.NeedsImages"/>); else 0.</summary>
    public long Images { get; init; }

    /// <summary>Stages that the samples would go through in one pass.</summary>
    public int Stages { get; init; }

    /// <summary>The sum.</summary>
    public long Total => Activations + Workspace + Model + Images + Program;
}

/// <summary>What an adaptation has used.</summary>
/// <param name="PeakActivations">The most bytes of tensors, between stages and under way, and of weights of stages under way, at one time.</param>
/// <param name="Spilled">Bytes of temporary files among it.</param>
public sealed record MemoryUse(long PeakActivations, long Spilled);
