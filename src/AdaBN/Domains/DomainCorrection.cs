using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Forms;
using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Rewriting;

namespace AdaBN.Domains;

/// <summary>
/// What turns a layer's output y under the source's statistics, mean m and variance v, into that under a domain's, m' and v': y·a + b, a channel each, with
/// a = √(v + ε) / √(v' + ε) and b = β·(1 − a) + γ·(m − m') / √(v' + ε). In double, rounded once to the type of y. For the source itself a = 1 and b = 0: not a bit changes.
/// </summary>
/// <param name="Type">The type of y.</param>
/// <param name="Dims">Shape of a and of b, to be broadcast over positions: C×1×…×1, or 1×…×1×C where channels come last.</param>
/// <param name="Factors">a.</param>
/// <param name="Shifts">b.</param>
internal sealed record DomainCorrection(ElementType Type, long[] Dims, double[] Factors, double[] Shifts)
{
    /// <summary>No correction at all, of the same shape.</summary>
    public DomainCorrection Identity => this with { Factors = [.. Factors.Select(_ => 1.0)], Shifts = new double[Shifts.Length] };

    public bool IsIdentity => Factors.All(factor => factor == 1) && Shifts.All(shift => shift == 0);

    /// <summary>The corrections of a patch's layers, by the name of the value that each corrects.</summary>
    /// <param name="file">The model to correct.</param>
    /// <param name="copy">The working copy, in float32: ONNX Runtime infers its shapes whatever type the file is in.</param>
    /// <param name="layers">The patch's layers, in that copy.</param>
    /// <exception cref="AdaptationException">A layer computes no value of the main graph, or is an input, or its correction is more than its type holds.</exception>
    public static IReadOnlyDictionary<string, DomainCorrection> Of(OnnxModel file, OnnxModel copy, IReadOnlyList<DecidedLayer> layers)
    {
        var places = layers.Select(layer => (Layer: layer, Place: PlaceOf(file, layer.Layer) ?? throw NoPlace(layer.Layer))).ToArray();
        IReadOnlyDictionary<Value, InferredType> types = InferredTypes.Of(file, places.Select(found => found.Place.Value)), shapes = InferredTypes.Of(copy, layers.Select(layer => layer.Layer.Node.Outputs[0]!));
        bool isBatchOpen = file.Graph.RequiredInputs.All(input => input.Type?.Shape is [{ Length: null }, ..]);
        return places.ToDictionary(found => found.Place.Value.Name, found => Of(
            found.Layer, found.Place.IsChannelsLast, types[found.Place.Value].ElementType is not ElementType.Undefined and var type ? type : found.Layer.Layer.StoredAs, shapes[found.Layer.Layer.Node.Outputs[0]!], isBatchOpen));
    }

    /// <summary>Whether a model computes, in its main graph, what the layers compute in the working copy.</summary>
    public static bool AreIn(OnnxModel file, IReadOnlyList<BatchNormLayer> layers) => layers.All(layer => PlaceOf(file, layer) is not null);

    /// <summary>Where the file has what the layer computes; the layers of models with channels last stand between two Transposes in the working copy only.</summary>
    private static (Value Value, bool IsChannelsLast)? PlaceOf(OnnxModel file, BatchNormLayer layer)
    {
        Value output = layer.Node.Outputs[0]!;
        if (layer.Info.IsInput) return null;
        if (Computed(output) is { } value) return (value, false);
        return output.Uses is [{ Consumer: { OpType: "Transpose", Outputs: [{ } transposed] } }] && Computed(transposed) is { } last ? (last, true) : null;

        Value? Computed(Value copy) => file.Graph.TryGetValue(copy.Name, out Value? found) && found.Producer is not null ? found : null;
    }

    private static DomainCorrection Of(DecidedLayer decided, bool isChannelsLast, ElementType element, InferredType shape, bool isBatchOpen)
    {
        (BatchNormLayer layer, ChannelStatistics target) = decided;
        if (shape.Dims is not { Count: >= 2 and var rank })
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm,
                $"The number of axes of what layer '{layer.Info.Name}' computes is not declared and cannot be inferred, so its channels cannot be told. Declare the types of the model's inputs (ONNX shape inference), or leave the layer out.");
        }
        float[] scale = layer.Node.Inputs[BatchNormalization.ScaleInput]!.Initializer!.ToFloatArray(), bias = layer.Node.Inputs[BatchNormalization.BiasInput]!.Initializer!.ToFloatArray();
        if (shape.Dims[0] >= 0 && isBatchOpen)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{layer.Info.Name}' computes [{string.Join(", ", shape.Dims.Select(length => length < 0 ? "?" : length.ToString(CultureInfo.InvariantCulture)))}], whose first axis is not the samples', so a bank cannot give each sample its own statistics there. Leave the layer out with the layer filter."));
        }
        ChannelStatistics source = layer.Source;
        double epsilon = layer.Epsilon;
        double[] factors = [.. source.Variance.Zip(target.Variance, (v, w) => Math.Sqrt((v + epsilon) / (w + epsilon)))];
        double[] shifts = [.. factors.Select((a, c) => (bias[c] * (1 - a)) + (scale[c] * (source.Mean[c] - target.Mean[c]) / Math.Sqrt(target.Variance[c] + epsilon)))];
        int at = Array.FindIndex([.. factors.Zip(shifts)], pair => !double.IsFinite(element.Round(pair.First)) || !double.IsFinite(element.Round(pair.Second)));
        if (at >= 0)
        {
            throw new AdaptationException(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
                $"To correct channel {at} of layer '{layer.Info.Name}' takes a factor of {factors[at]:g4} and a shift of {shifts[at]:g4}, more than {element} holds. Check the data's preprocessing (scale, mean), or leave the layer out with the layer filter."));
        }
        long[] ones = [.. Enumerable.Repeat(1L, rank - 2)];
        return new DomainCorrection(element, isChannelsLast ? [.. ones, factors.Length] : [factors.Length, .. ones], [.. factors.Select(factor => element.Round(factor))], [.. shifts.Select(shift => element.Round(shift))]);
    }

    private static AdaptationException NoPlace(BatchNormLayer layer) => new(AdaptationError.UnsupportedForm, layer.Info.IsInput
        ? $"'{layer.Info.Name}' is an input, and a bank corrects layers only. Leave the input out with the layer filter, or keep a model a domain (DomainPatch.ApplyTo)."
        : $"Layer '{layer.Info.Name}' computes no value of the model's main graph{(layer.Info.Spelling is { } spelling ? $" (it is {spelling})" : "")}, so a bank cannot correct it by domain. Export the model without the If, or leave the layer out with the layer filter.");
}
