namespace AdaBN;

/// <summary>Samples that say which domain they are of. An adaptation opens one reader and reads every sample once.</summary>
public interface IDomainSampleSource
{
    /// <summary>The tensors of each sample.</summary>
    IReadOnlyList<SampleInput> Inputs { get; }

    /// <summary>Starts reading at the first sample.</summary>
    IDomainSampleReader OpenReader();
}

/// <summary>Reads samples and their domains, one after another.</summary>
public interface IDomainSampleReader : ISampleReader
{
    /// <summary>The domain's id, from 1, of the sample read last.</summary>
    long Domain { get; }
}
