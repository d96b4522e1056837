using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Discovery;

/// <summary>An input of a model, looked at as something whose channels could be aligned to another domain's.</summary>
/// <param name="Value">The input.</param>
/// <param name="Refusal">Why they cannot; null where they can.</param>
internal sealed record ModelInput(Value Value, Refusal? Refusal)
{
    private const int FirstOpsetThatBroadcasts = 7; // Mul-7, Add-7: https://onnx.ai/onnx/operators/onnx__Mul.html

    /// <summary>Its channels, along axis 1; 0 where they cannot be aligned.</summary>
    public int Channels => Refusal is null ? (int)Value.Type!.Shape!.Value[1].Length!.Value : 0;

    /// <summary>All that a caller must supply, in the file's order.</summary>
    public static IEnumerable<ModelInput> Find(OnnxModel model) => model.Graph.RequiredInputs.Select(input => new ModelInput(input, WhyNot(model, input)));

    /// <summary>What is told of it in public.</summary>
    public NormalizationLayer Describe(int index) => new(index, Value.Name, NormalizationLayer.Input, Refusal is null ? Channels : null, 0, Refusal?.Reason)
    {
        Spelling = Refusal is null ? "each channel aligned to its mean and variance on the source domain" : null,
        Mend = Refusal?.Mend,
    };

    private static Refusal? WhyNot(OnnxModel model, Value input)
    {
        if (input.Type is not { ElementType: ElementType.Float, Shape: { } shape })
            return new Refusal($"it is declared as {input.Type?.ToString() ?? "no tensor"}, expected floating-point numbers with a shape", "leave the input out, or export the model with an input of that kind");
        if (shape is not [_, { Length: > 0 and <= int.MaxValue }, ..])
            return new Refusal($"its shape [{string.Join(", ", shape)}] does not tell how many channels it has, expected their number along axis 1", "export the model with a fixed number of channels");
        if (model.Opset < FirstOpsetThatBroadcasts)
            return new Refusal(string.Create(CultureInfo.InvariantCulture, $"operator set {model.Opset} has no Mul and Add of one number a channel"), "convert the model to operator set 7 or later (onnx.version_converter)");
        if (input.Uses.Count == 0) return new Refusal("no node reads it", "leave the input out");
        if (input.Uses.FirstOrDefault(use => use.InputIndex < 0).Consumer is { } body) return new Refusal($"a body of {body} returns it as it is", "put an Identity node into that body");
        return HasChannelsLast(input, shape.Length, shape[1].Length!.Value, shape[^1].Length)
            ? new Refusal($"its shape [{string.Join(", ", shape)}] looks as if channels came last, expected them along axis 1", "export the model with channels first (tf2onnx: --inputs-as-nchw)") : null;
    }

    /// <summary>Whether an input looks as if channels came last.</summary>
    public static bool HasChannelsLast(Value input) => input.Type?.Shape is { Length: > 1 } shape && HasChannelsLast(input, shape.Length, shape[1].Length ?? 0, shape[^1].Length);

    /// <summary>As TensorFlow has them: moved to axis 1 before the first Conv, or, where nothing tells, as many as pictures have.</summary>
    private static bool HasChannelsLast(Value input, int rank, long second, long? last)
    {
        const int pictureRank = 4;
        if (input.Uses.Any(use => use.Consumer.Is("Conv"))) return false;
        return input.Uses.Any(use => use.Consumer.Is("Transpose") && use.Consumer.GetInts("perm") is [0, var channels, ..] && channels == rank - 1 && rank > 2)
            || (rank == pictureRank && last is 1 or 3 or 4 && second is not (1 or 3 or 4));
    }
}
