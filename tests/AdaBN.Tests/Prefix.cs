using AdaBN.Measurement;
using AdaBN.Onnx;

namespace AdaBN.Tests;

/// <summary>The naive way: the whole model up to one layer, all samples at once.</summary>
internal static class Prefix
{
    public static ChannelMoments Moments(OnnxModel model, string layer, float[][] samples, int[] shape)
    {
        Value measured = model.Graph.Nodes.Single(node => node.DisplayName == layer).Inputs[0]!;
        Value input = model.Graph.RequiredInputs.Single();
        OnnxModel prefix = SubgraphExtractor.Extract(model, [KeyValuePair.Create(input, input.Type!)], [measured]);
        float[] values = Scoring.Run(prefix, new Dictionary<string, (float[], int[])> { [input.Name] = ([.. samples.SelectMany(sample => sample)], [samples.Length, .. shape]) });
        int channels = model.Graph.Nodes.Single(node => node.DisplayName == layer).Inputs[1]!.Initializer!.ToFloatArray().Length;
        return MomentsKernel.Measure(values, samples.Length, channels, values.Length / samples.Length / channels);
    }
}
