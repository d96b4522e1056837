using AdaBN.Discovery;
using AdaBN.Onnx.Ops;

namespace AdaBN.Measurement;

/// <summary>A decided layer as y = x·Scale + Offset, one number a channel.</summary>
internal sealed record Normalizer(float[] Scale, float[] Offset)
{
    /// <summary>From the statistics as the model stores them, so that stages see what the finished model will compute.</summary>
    public static Normalizer Of(BatchNormLayer layer, float[] mean, float[] variance)
    {
        float[] gamma = layer.Node.Inputs[BatchNormalization.ScaleInput]!.Initializer!.ToFloatArray();
        float[] beta = layer.Node.Inputs[BatchNormalization.BiasInput]!.Initializer!.ToFloatArray();
        var (scale, offset) = (new float[mean.Length], new float[mean.Length]);
        for (int c = 0; c < mean.Length; c++)
        {
            double factor = gamma[c] / Math.Sqrt((double)variance[c] + layer.Epsilon);
            scale[c] = (float)factor;
            offset[c] = (float)(beta[c] - (mean[c] * factor));
        }
        return new Normalizer(scale, offset);
    }
}
