using System.Collections.Immutable;
using AdaBN.Onnx;

namespace AdaBN.Images;

/// <summary>What a model's input says about the pictures that it takes: channels first or last, how many, how large.</summary>
internal static class InputForm
{
    public static Preprocessing Resolve(Preprocessing wanted, OnnxModel model, string? inputName)
    {
        Value input = Find(model, inputName);
        if (input.Type is not { ElementType: ElementType.Float, Shape: { } shape }) throw Unfit(input, "expected float32 of declared rank");
        return shape.Length == 4 ? OfImage(wanted, input, shape) : throw Unfit(input, "expected four axes, such as [N, 3, 224, 224]");
    }

    private static Value Find(OnnxModel model, string? name)
    {
        Value[] inputs = [.. model.Graph.RequiredInputs];
        if (name is null && inputs.Length == 1) return inputs[0];
        return inputs.FirstOrDefault(input => input.Name == name)
            ?? throw new AdaptationException(AdaptationError.InputMismatch, $"{(name is null ? "It is not said which input takes the pictures" : $"The model has no input '{name}'")}. The model's inputs: {string.Join("; ", inputs.Select(input => input.ToString()))}.");
    }

    private static Preprocessing OfImage(Preprocessing wanted, Value input, ImmutableArray<Dimension> shape)
    {
        static bool IsChannels(Dimension dimension) => dimension.Length is Picture.Gray or Picture.Rgb;
        PixelLayout layout = wanted.Layout ?? (IsChannels(shape[1]) ? PixelLayout.Nchw : IsChannels(shape[3]) ? PixelLayout.Nhwc
            : throw Unfit(input, "neither its second nor its last axis has 1 or 3 channels; say which with layout"));
        (Dimension channelAxis, Dimension heightAxis, Dimension widthAxis) = layout == PixelLayout.Nchw ? (shape[1], shape[2], shape[3]) : (shape[3], shape[1], shape[2]);
        PixelColors colors = wanted.Colors ?? (channelAxis.Length == Picture.Gray ? PixelColors.Gray : PixelColors.Rgb);
        if (channelAxis.Length is { } channels && channels != (colors == PixelColors.Gray ? Picture.Gray : Picture.Rgb))
            throw Unfit(input, $"colors {colors.ToString().ToLowerInvariant()} in layout {layout.ToString().ToLowerInvariant()} do not fit its {channels} channels");

        ImageSize size = wanted.Size ?? (heightAxis.Length is { } height && widthAxis.Length is { } width
            ? new ImageSize((int)Math.Min(height, int.MaxValue), (int)Math.Min(width, int.MaxValue))
            : throw Unfit(input, "it leaves the size open; say which size the pictures shall have"));
        if ((heightAxis.Length ?? size.Height) != size.Height || (widthAxis.Length ?? size.Width) != size.Width) throw Unfit(input, $"pictures of size {size} do not fit");
        Preprocessing resolved = wanted with { Size = size, Colors = colors, Layout = layout };
        resolved.Validate();
        return resolved;
    }

    private static AdaptationException Unfit(Value input, string what) =>
        new(AdaptationError.InputMismatch, $"The input {input} does not take pictures so: {what}.");
}
