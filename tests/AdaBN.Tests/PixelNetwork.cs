using AdaBN.Onnx;
using AdaBN.TestSupport;
using static AdaBN.TestSupport.ModelBuilder;

namespace AdaBN.Tests;

/// <summary>
/// A classifier without BatchNormalization: x → Conv 3x3 → Relu → mean over positions → y. What it says of aligned images is computed in double by plain loops.
/// </summary>
/// <param name="Pad">Zeros around the image.</param>
/// <param name="Groups">Groups of the Conv.</param>
/// <param name="HasBias">Whether the Conv has a bias.</param>
internal sealed record PixelNetwork(int Pad = 0, int Groups = 1, bool HasBias = true)
{
    public const int Channels = 4, Outputs = 6, Size = 7, Count = 40;
    private const int Kernel = 3;
    private readonly float[] _weights = Twin.Numbers(1, Outputs * Channels / Groups * Kernel * Kernel, -0.5f, 0.5f);
    private readonly float[] _bias = HasBias ? Twin.Numbers(2, Outputs, -0.5f, 0.5f) : new float[Outputs];

    /// <summary>Images of the source domain.</summary>
    public static float[][] Source { get; } = Images(seed: 10, contrast: [1, 0.5f, 2, 0.1f], brightness: [0, 0.3f, -1, 2]);

    /// <summary>The same kind of images in other light.</summary>
    public static float[][] Target { get; } = Images(seed: 11, contrast: [0.4f, 0.9f, 1, 0.3f], brightness: [1, -0.5f, -0.7f, 1]);

    public static ISampleSource Samples(float[][] images) => SampleSource.FromArrays(images, Channels, Size, Size);

    public ModelBuilder Plain(long opset = 13, long irVersion = 7, string? autoPad = null, string convInput = "x")
    {
        ModelBuilder builder = new ModelBuilder(opset, irVersion).Input("x", -1, Channels, Size, Size).Floats("w", [Outputs, Channels / Groups, Kernel, Kernel], _weights);
        if (HasBias) builder.Floats("b", [Outputs], _bias);
        if (convInput != "x") builder.Node("Identity", ["x"], [convInput]);
        var padding = autoPad is null ? Ints("pads", Pad, Pad, Pad, Pad) : new Onnx.Serialization.AttributeProto { Name = "auto_pad", S = Google.Protobuf.ByteString.CopyFromUtf8(autoPad), Type = 3 };
        string[] inputs = HasBias ? [convInput, "w", "b"] : [convInput, "w"];
        return builder.Node("Conv", inputs, ["c"], padding, Int("group", Groups)).Node("Relu", ["c"], ["r"]).Node("GlobalAveragePool", ["r"], ["p"]).Node("Flatten", ["p"], ["y"]).Output("y", -1, Outputs);
    }

    /// <summary>Scores of the model as ONNX Runtime computes them.</summary>
    public static float[] Score(OnnxModel model, float[][] images) =>
        Scoring.Run(OnnxModel.FromBytes(model.ToBytes()), new Dictionary<string, (float[], int[])> { ["x"] = ([.. images.SelectMany(image => image)], [images.Length, Channels, Size, Size]) });

    /// <summary>Mean and population variance of each channel.</summary>
    public static (double Mean, double Variance)[] Moments(float[][] images) =>
    [
        .. Enumerable.Range(0, Channels).Select(c =>
        {
            double[] values = [.. images.SelectMany(image => image.Skip(c * Size * Size).Take(Size * Size)).Select(value => (double)value)];
            double mean = values.Average();
            return (mean, values.Average(value => (value - mean) * (value - mean)));
        }),
    ];

    /// <summary>In double: each channel of the images brought to the source's mean and variance, then the network.</summary>
    public double[] ExpectedScores(float[][] images, float[][] source)
    {
        (double Mean, double Variance)[] from = Moments(images), to = Moments(source);
        double epsilon = (float)(1e-5 * to.Average(channel => channel.Variance));
        double[] scale = [.. from.Zip(to, (target, wanted) => Math.Sqrt((wanted.Variance + epsilon) / (target.Variance + epsilon)))];
        return [.. images.SelectMany(image => Score([.. image.Select((pixel, i) => ((pixel - from[i / (Size * Size)].Mean) * scale[i / (Size * Size)]) + to[i / (Size * Size)].Mean)]))];
    }

    private IEnumerable<double> Score(double[] image)
    {
        int side = Size + (2 * Pad) - Kernel + 1, inputs = Channels / Groups, outputs = Outputs / Groups;
        for (int m = 0; m < Outputs; m++)
        {
            double sum = 0;
            for (int y = 0; y < side; y++)
            {
                for (int x = 0; x < side; x++)
                {
                    double value = _bias[m];
                    for (int i = 0; i < inputs; i++)
                    {
                        for (int k = 0; k < Kernel * Kernel; k++)
                        {
                            int row = y - Pad + (k / Kernel), column = x - Pad + (k % Kernel);
                            if (row is >= 0 and < Size && column is >= 0 and < Size)
                                value += _weights[(((m * inputs) + i) * Kernel * Kernel) + k] * image[(((((m / outputs) * inputs) + i) * Size) + row) * Size + column];
                        }
                    }
                    sum += Math.Max(0, value);
                }
            }
            yield return sum / (side * side);
        }
    }

    private static float[][] Images(int seed, float[] contrast, float[] brightness) =>
    [
        .. Enumerable.Range(0, Count).Select(n =>
        {
            float[] noise = Twin.Numbers((seed * 1000) + n, Channels * Size * Size, -1, 1);
            return noise.Select((value, i) => (value * contrast[i / (Size * Size)]) + brightness[i / (Size * Size)] + (0.2f * (n % 5))).ToArray();
        }),
    ];
}
