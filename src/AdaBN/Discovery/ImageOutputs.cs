using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Discovery;

/// <summary>Finds the outputs that are pictures, or may be (<see cref="ImageOutput"/> states the rule).</summary>
internal static class ImageOutputs
{
    private const int ImageRank = 4, Height = 2;

    public static IEnumerable<(Value Output, ImageOutput Found)> Find(Graph graph)
    {
        IReadOnlyDictionary<Value, int> convolutions = OutputTrace.CountConvolutions(graph);
        bool hasImageInput = graph.RequiredInputs.Any(input => input.Type?.Shape is null or { Length: ImageRank });
        foreach (Value output in graph.Outputs.Where(convolutions.ContainsKey))
            if (Judge(output, new OutputTrace(output, convolutions), hasImageInput) is var (because, isSure)) yield return (output, new ImageOutput(output.Name, because, isSure));
    }

    private static (string Because, bool IsSure)? Judge(Value output, OutputTrace trace, bool hasImageInput)
    {
        if (!trace.Convolves || trace.IsClassScores || trace.IsNormalized || output.Type?.Shape is { Length: not ImageRank }) return null;
        if (output.Type?.Shape is [_, _, { Length: 1 }, { Length: 1 }]) return null;
        double channels = trace.Channels ?? LengthOf(output, 1) ?? 0;
        double? inputChannels = trace.Input is { } input ? LengthOf(input, trace.ChannelAxis) : null;
        if (trace.Input is null)
        {
            if (!trace.Grows || !IsPicture(channels)) return null;
            return hasImageInput ? (Say($"it is upsampled to {channels} channel(s)"), false) : (Say($"it is made from no image and upsampled to {channels} channel(s)"), true);
        }

        const int digits = 6; // thirds that were taken and given back are no change
        double scale = double.IsNaN(trace.Scale) ? RatioOf(output, trace.Input) ?? double.NaN : Math.Round(trace.Scale, digits);
        if (scale < 1 || !(IsPicture(channels) || channels == inputChannels)) return null;
        if (scale > 1) return (Say($"it is {scale:0.##} times as high and wide as the input '{trace.Input.Name}' and has {channels} channel(s)"), true);
        if (trace.AddsInput && channels == inputChannels) return (Say($"the input '{trace.Input.Name}' is added to what is computed"), true);
        if (!IsPicture(channels)) return null;
        if (trace.Squash is { } squash) return (Say($"{squash} brings its {channels} channel(s) into the range of pixels"), true);
        string like = double.IsNaN(scale) ? "it has positions of its own" : $"it is as large as the input '{trace.Input.Name}'";
        return (Say($"{like} and has {channels} channel(s)"), channels > 1 && channels == inputChannels && scale == 1);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static bool IsPicture(double channels) => channels is 1 or 3 or 4;

    private static long? LengthOf(Value value, int axis) => value.Type?.Shape is { Length: ImageRank } shape ? shape[axis].Length : null;

    private static double? RatioOf(Value output, Value input) =>
        output.Type?.Shape is { Length: ImageRank } to && input.Type?.Shape is { Length: ImageRank } from
            ? (to[Height].Length, from[Height].Length) is ({ } high, { } highBefore and > 0) ? (double)high / highBefore
            : to[Height].Symbol is { Length: > 0 } symbol && symbol == from[Height].Symbol ? 1 : null
            : null;
}
