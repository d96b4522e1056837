using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using AdaBN.Onnx.Ops;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Benchmarks.Systems;

/// <summary>
/// The obvious exact way, independent of the library's: for each depth the model up to there, from the images anew, with the target
/// statistics of all depths before. Runs on a few images; sessions are opened once a pass whatever the number of images, the rest is
/// scaled up.
/// </summary>
internal sealed class NaiveAdaptation(string modelFile, Images fewImages, int images) : ISystem
{
    private readonly OnnxModel _source = OnnxModel.Load(modelFile);
    private OnnxModel? _adapted;

    public string Note => string.Create(CultureInfo.InvariantCulture,
        $"{Levels(_source).Count()} passes, measured on {fewImages.Count} images and scaled to {images}; {Environment.ProcessorCount} callers × 1 thread");

    public double Pass()
    {
        double opening = 0, running = 0;
        OnnxModel adapted = _source.Clone();
        Value input = adapted.Graph.RequiredInputs.Single();
        foreach (Node[] layers in Levels(adapted))
        {
            long start = Stopwatch.GetTimestamp();
            Value[] measured = [.. layers.Select(layer => layer.Inputs[BatchNormalization.DataInput]!).Distinct()];
            byte[] prefix = SubgraphExtractor.Extract(adapted, [KeyValuePair.Create(input, input.Type!)], measured).ToBytes();
            using SessionOptions options = SessionPass.Options(threads: 1);
            using var session = new InferenceSession(prefix, options);
            opening += Stopwatch.GetElapsedTime(start).TotalMilliseconds;

            start = Stopwatch.GetTimestamp();
            Dictionary<Value, Moments[]> moments = Measure(session, measured);
            running += Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            foreach (Node layer in layers)
            {
                Moments[] channels = moments[layer.Inputs[BatchNormalization.DataInput]!];
                GraphEditor.ReplaceInitializer(adapted, [layer], BatchNormalization.MeanInput, [.. channels.Select(channel => channel.Mean)]);
                GraphEditor.ReplaceInitializer(adapted, [layer], BatchNormalization.VarianceInput, [.. channels.Select(channel => channel.Variance)]);
            }
        }
        _adapted = adapted;
        return opening + (running * images / fewImages.Count);
    }

    /// <summary>The library must give the same statistics on these images.</summary>
    public void Verify()
    {
        Dictionary<string, Node> naive = _adapted!.Graph.Nodes.ToDictionary(node => node.DisplayName);
        foreach (LayerReport exact in BatchNormAdapter.Adapt(_source, fewImages, PaperAdaBN.Options).Report.Layers)
        {
            Node layer = naive[exact.Name];
            Agreement.Check($"naive means of '{exact.Name}'", Parameter(layer, BatchNormalization.MeanInput), exact.TargetMean, exact.TargetVariance);
            Agreement.Check($"naive variances of '{exact.Name}'", Parameter(layer, BatchNormalization.VarianceInput), exact.TargetVariance);
        }
    }

    public void Dispose()
    {
    }

    private static IEnumerable<Node[]> Levels(OnnxModel model)
    {
        Dictionary<string, int?> depths = NormalizationDiscovery.Inspect(model).ToDictionary(layer => layer.Name, layer => layer.Depth);
        IEnumerable<Node> layers = model.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType));
        return layers.GroupBy(layer => depths[layer.DisplayName]).OrderBy(level => level.Key).Select(level => level.ToArray());
    }

    private static double[] Parameter(Node layer, int input) => [.. layer.Inputs[input]!.Initializer!.ToFloatArray()];

    private Dictionary<Value, Moments[]> Measure(InferenceSession session, Value[] measured)
    {
        string[] names = [.. measured.Select(value => value.Name)];
        Dictionary<Value, Moments[]> totals = measured.ToDictionary(value => value, _ => Array.Empty<Moments>());
        int next = -1;
        Workers.Run(Environment.ProcessorCount, _ =>
        {
            using var runOptions = new RunOptions();
            float[] scratch = [];
            for (int i = Interlocked.Increment(ref next); i < fewImages.Count; i = Interlocked.Increment(ref next))
            {
                using OrtValue image = fewImages.Tensor(i, 1);
                using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(runOptions, [fewImages.InputName], [image], names);
                for (int o = 0; o < measured.Length; o++)
                {
                    int channels = (int)outputs[o].GetTensorTypeAndShape().Shape[1];
                    ReadOnlySpan<float> data = outputs[o].GetTensorDataAsSpan<float>();
                    int positions = data.Length / channels;
                    if (scratch.Length < positions) scratch = new float[positions];
                    lock (totals)
                    {
                        if (totals[measured[o]].Length == 0) totals[measured[o]] = new Moments[channels];
                        Moments[] total = totals[measured[o]];
                        for (int c = 0; c < channels; c++) total[c].Add(data.Slice(c * positions, positions), scratch.AsSpan(0, positions));
                    }
                }
            }
        });
        return totals;
    }

    private struct Moments
    {
        private long _count;
        private double _squares;

        public double Mean { get; private set; }

        public readonly double Variance => _squares / _count;

        public void Add(ReadOnlySpan<float> plane, Span<float> scratch)
        {
            float mean = TensorPrimitives.Sum(plane) / plane.Length;
            TensorPrimitives.Subtract(plane, mean, scratch);
            double delta = mean - Mean;
            _squares += TensorPrimitives.SumOfSquares<float>(scratch) + (delta * delta * _count * plane.Length / (_count + plane.Length));
            _count += plane.Length;
            Mean += delta * plane.Length / _count;
        }
    }
}
