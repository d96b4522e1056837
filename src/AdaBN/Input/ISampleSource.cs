using System.Collections.Immutable;

namespace AdaBN;

/// <summary>One of the tensors that make up a sample.</summary>
/// <param name="Name">The model input it feeds; null where the model has only one.</param>
/// <param name="Shape">
/// Its shape without the batch axis, such as (3, 224, 224). A single number is a flattened tensor, which takes the shape that the model declares.
/// </param>
public sealed record SampleInput(string? Name, ImmutableArray<int> Shape)
{
    /// <summary>Number of elements.</summary>
    public int Length => Shape.Aggregate(1, (product, length) => checked(product * length));

    /// <inheritdoc/>
    public override string ToString() => $"{(Name is null ? "" : $"'{Name}' ")}({string.Join(", ", Shape)})";
}

/// <summary>Unlabeled samples of the target domain. An adaptation opens one reader and reads every sample once; one of several processes reads them twice where <see cref="Count"/> is null.</summary>
public interface ISampleSource
{
    /// <summary>The tensors of each sample.</summary>
    IReadOnlyList<SampleInput> Inputs { get; }

    /// <summary>Number of samples, or null where it is not known before the end. There may be fewer, where broken ones are left out.</summary>
    long? Count { get; }

    /// <summary>Starts reading at the first sample.</summary>
    ISampleReader OpenReader();
}

/// <summary>Reads samples one after another. Called by one thread at a time, not always the same.</summary>
public interface ISampleReader : IDisposable
{
    /// <summary>Reads the next sample.</summary>
    /// <param name="destination">Receives one tensor each, row-major, in the order of <see cref="ISampleSource.Inputs"/>.</param>
    /// <returns>False after the last sample.</returns>
    bool TryRead(IReadOnlyList<Memory<float>> destination);
}
