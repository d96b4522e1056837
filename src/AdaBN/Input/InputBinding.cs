using System.Collections.Immutable;
using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Input;

/// <summary>One tensor of each sample and the graph input it feeds.</summary>
/// <param name="Input">The tensor.</param>
/// <param name="Target">The graph input, or null where no layer needs it: it is then read and dropped.</param>
/// <param name="Shape">The target's shape without the batch axis.</param>
internal sealed record BoundInput(SampleInput Input, Value? Target, ImmutableArray<long> Shape);

/// <summary>The data's tensors matched with the model's inputs by name and shape.</summary>
/// <param name="Sources">In the data's order.</param>
/// <param name="FixedBatch">Samples that the model takes at a time, neither more nor fewer; null where its batch axis is open.</param>
internal sealed record InputBinding(ImmutableArray<BoundInput> Sources, int? FixedBatch)
{
    /// <summary>Matches data and model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="needed">The graph inputs that must be supplied.</param>
    /// <param name="inputs">The data's tensors.</param>
    /// <param name="anyPrecision">Whether inputs may be of another floating-point type, which the caller converts to.</param>
    /// <exception cref="AdaptationException">They do not fit; the message lists what the model takes.</exception>
    public static InputBinding Bind(OnnxModel model, ImmutableArray<Value> needed, IReadOnlyList<SampleInput> inputs, bool anyPrecision = false)
    {
        var sources = ImmutableArray.CreateBuilder<BoundInput>();
        foreach (SampleInput input in inputs)
        {
            Value target = input.Name is null
                ? needed is [var only] ? only : throw Mismatch(model, $"the data does not say which input of the model {input} feeds")
                : model.Graph.RequiredInputs.FirstOrDefault(value => value.Name == input.Name) ?? throw Mismatch(model, $"the model has no input '{input.Name}'");
            if (sources.Any(source => source.Target == target)) throw Mismatch(model, $"the data feeds the input '{target.Name}' twice");
            sources.Add(needed.Contains(target) ? new BoundInput(input, target, Fit(model, input, target, anyPrecision)) : new BoundInput(input, null, []));
        }
        foreach (Value value in needed)
            if (!sources.Any(source => source.Target == value)) throw Mismatch(model, $"the data has nothing for the input '{value.Name}'");

        long[] fixedSizes = [.. needed.Select(value => value.Type!.Shape!.Value[0].Length).OfType<long>().Distinct()];
        return fixedSizes switch
        {
            [] => new InputBinding(sources.ToImmutable(), null),
            [>= 1 and <= AdaptationOptions.LargestBatchSize and var size] => new InputBinding(sources.ToImmutable(), (int)size),
            _ => throw Mismatch(model, $"its batch axes are fixed at {string.Join(" and ", fixedSizes)}, expected one size from 1 to {AdaptationOptions.LargestBatchSize}"),
        };
    }

    private static ImmutableArray<long> Fit(OnnxModel model, SampleInput input, Value target, bool anyPrecision)
    {
        if (target.Type is not { ElementType: var type, Shape: { Length: >= 1 } declared } || !(type == ElementType.Float || (anyPrecision && type.IsFloatingPoint())))
            throw Mismatch(model, $"the input '{target.Name}' is declared as {target.Type?.ToString() ?? "no tensor"}, expected float32 with a batch axis first");

        ImmutableArray<Dimension> sample = declared.RemoveAt(0);
        if (input.Shape.Any(length => length < 1)) throw Mismatch(model, $"the data's {input} has an empty axis");
        bool fits = sample.Length == input.Shape.Length && sample.Zip(input.Shape).All(pair => pair.First.Length is null || pair.First.Length == pair.Second);
        if (fits) return [.. input.Shape.Select(length => (long)length)];

        bool isFlat = input.Shape.Length == 1 && sample.All(dimension => dimension.Length is not null)
            && sample.Aggregate(1L, (product, dimension) => product > int.MaxValue ? product : product * Math.Min(dimension.Length!.Value, 1L << 31)) == input.Shape[0];
        if (isFlat) return [.. sample.Select(dimension => dimension.Length!.Value)];
        throw Mismatch(model, string.Create(CultureInfo.InvariantCulture, $"a sample's {input} does not fit the input '{target.Name}', which takes ({string.Join(", ", sample)}) a sample"));
    }

    private static AdaptationException Mismatch(OnnxModel model, string what) =>
        new(AdaptationError.InputMismatch, $"Data and model do not fit: {what}. The model's inputs: {string.Join("; ", model.Graph.RequiredInputs.Select(value => value.ToString()))}.");
}
