using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Layout;

/// <summary>
/// ONNX Runtime's own layout for convolutions on x64 processors (NCHWc, com.microsoft.nchwc): channels in blocks of 8 or 16, a block's
/// channels beside each other, the last block filled up with zeros. Its optimizer puts a reordering before and behind every chain of
/// convolutions; a stage is such a chain, often of one convolution, and there the two reorderings cost up to as much again.
/// So pieces are written in this layout, and blends and moments work on it directly.
/// </summary>
internal static class BlockedLayout
{
    public const string Domain = "com.microsoft.nchwc";

    private static readonly Lazy<int> DetectedBlock = new(Detect);

    /// <summary>Channels a block on this processor; 0 where ONNX Runtime has no such layout here, or another than this code knows.</summary>
    public static int Block => DetectedBlock.Value;

    public static int Padded(int channels, int block) => (channels + block - 1) / block * block;

    /// <summary>
    /// The layout is internal to ONNX Runtime, so nothing is taken for granted: a small network of all kinds of nodes that pieces are
    /// made of must compute the same in both layouts.
    /// </summary>
    private static int Detect()
    {
        OnnxModel probe = Probe();
        var image = new float[2 * 3 * 9 * 9];
        for (int i = 0; i < image.Length; i++) image[i] = MathF.Sin(i * 0.7f);
        float[] expected = Run(probe.ToBytes(), image, []);
        foreach (int block in (int[])[16, 8])
        {
            try
            {
                Value input = probe.Graph.Inputs[0], output = probe.Graph.Outputs[0];
                if (BlockedPiece.TryConvert(probe, [KeyValuePair.Create(input, new TensorType(ElementType.Float, input.Type!.Shape))], [output], block) is not { } piece) continue;
                if (Agree(expected, Run(piece.File, image, piece.Weights), channels: 40, block)) return block;
            }
            catch (OnnxRuntimeException)
            {
                // Not on this processor, or not this block: an answer, not a failure.
            }
        }
        return 0;
    }

    private static bool Agree(float[] plain, float[] blocked, int channels, int block)
    {
        int positions = plain.Length / (2 * channels), padded = Padded(channels, block);
        if (blocked.Length != 2 * padded * positions) return false;
        for (int sample = 0; sample < 2; sample++)
        {
            for (int c = 0; c < channels; c++)
            {
                for (int p = 0; p < positions; p++)
                {
                    float x = plain[(((sample * channels) + c) * positions) + p];
                    float y = blocked[(sample * padded * positions) + (((c / block * positions) + p) * block) + (c % block)];
                    if (!(Math.Abs(x - y) <= 1e-4f)) return false;
                }
            }
        }
        return true;
    }

    /// <summary>Convolution of few channels, depthwise, max-pool, convolution of a part block, grouped convolution, average-pool.</summary>
    private static OnnxModel Probe()
    {
        static float[] Weights(int count)
        {
            var weights = new float[count];
            for (int i = 0; i < count; i++) weights[i] = MathF.Cos(i * 1.3f) / 8;
            return weights;
        }
        return new GraphBuilder(7, KeyValuePair.Create("", 13L))
            .Input("x", new TensorType(ElementType.Float, [new Dimension(2), new Dimension(3), new Dimension(9), new Dimension(9)]))
            .Floats("w1", [20, 3, 3, 3], Weights(20 * 27)).Floats("b1", [20], Weights(20))
            .Node("", "Conv", ["x", "w1", "b1"], "c1", null, Ints("pads", 1, 1, 1, 1))
            .Floats("w2", [20, 1, 3, 3], Weights(20 * 9))
            .Node("", "Conv", ["c1", "w2"], "c2", null, Ints("pads", 1, 1, 1, 1), Ints("group", 20))
            .Node("", "MaxPool", ["c2"], "p1", null, Ints("kernel_shape", 2, 2))
            .Floats("w3", [32, 20, 3, 3], Weights(32 * 20 * 9))
            .Node("", "Conv", ["p1", "w3"], "c3", null, Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1))
            .Floats("w4", [40, 32, 1, 1], Weights(40 * 32))
            .Node("", "Conv", ["c3", "w4"], "c4", null, Ints("kernel_shape", 1, 1))
            .Node("", "AveragePool", ["c4"], "y", null, Ints("kernel_shape", 2, 2))
            .Output("y").Build();
    }

    private static KeyValuePair<string, long[]> Ints(string name, params long[] values) => KeyValuePair.Create(name, values);

    private static float[] Run(byte[] model, float[] image, IReadOnlyList<BlockedWeights> weights)
    {
        using var sessionOptions = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using var session = new InferenceSession(model, sessionOptions);
        var feeds = new Dictionary<string, OrtValue> { ["x"] = OrtValue.CreateTensorValueFromMemory(image, [2, 3, 9, 9]) };
        foreach (BlockedWeights one in weights)
        {
            var data = new float[one.Length];
            one.Fill(data);
            feeds[one.Name] = OrtValue.CreateTensorValueFromMemory(data, one.Dims);
        }
        try
        {
            using var options = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, feeds, session.OutputNames);
            return outputs[0].GetTensorDataAsSpan<float>().ToArray();
        }
        finally
        {
            foreach (OrtValue feed in feeds.Values) feed.Dispose();
        }
    }
}
