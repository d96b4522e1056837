using AdaBN.Input;
using AdaBN.Layout;
using AdaBN.Onnx;
using AdaBN.Planning;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Measurement;

/// <summary>Foretells the memory of an adaptation from shapes alone: ONNX Runtime infers them, nothing is computed.</summary>
internal static class MemoryEstimator
{
    public static MemoryEstimate Estimate(OnnxModel model, AdaptationPlan plan, InputBinding binding, long samples, AdaptationOptions options, bool triesPolicies)
    {
        Value[] kept = [.. plan.Stages.SelectMany(stage => stage.Kept).Distinct()];
        Value[] computed = [.. kept.Concat(plan.Stages.SelectMany(stage => stage.PieceInputs.Concat(stage.PieceOutputs))).Distinct().Where(value => value.Producer is not null)];
        Dictionary<Value, long> sampleBytes = BytesOf(model, plan, binding, computed);

        long stored = 0, widest = 0, batch = 0;
        foreach (Stage stage in plan.Stages)
        {
            // Batches free what they have read for the last time as they store what they made, so the larger side counts.
            long after = stored + stage.Kept.Sum(value => sampleBytes[value]) - stage.LastRead.Sum(value => sampleBytes[value]);
            widest = Math.Max(widest, Math.Max(stored, after));
            long read = stage.Index == 0 ? binding.Sources.Max(source => (long)source.Input.Length * sizeof(float)) : stage.Stored.Max(value => sampleBytes[value]);
            int rows = BatchSizing.RowsOf(binding.FixedBatch ?? options.BatchSize, plan.CanRegroup, read, samples);
            batch = Math.Max(batch, rows * stage.PieceInputs.Concat(stage.PieceOutputs).Distinct().Sum(value => sampleBytes[value]));
            stored = after;
        }
        long weights = model.Graph.Initializers.Sum(initializer => initializer.ByteLength);
        if (options.HalfPrecisionActivations && plan.CanRegroup) widest /= 2;
        long activations = samples * widest;
        if (triesPolicies) // it holds the samples while it tries policies on some of them
            activations = Math.Max(activations, (samples * binding.Sources.Sum(source => (long)source.Input.Length * sizeof(float))) + (Math.Min(samples, options.JudgementImages) * widest));
        return new MemoryEstimate(activations, (options.Workers ?? Environment.ProcessorCount) * batch, 3 * weights)
        {
            Stages = plan.Stages.Length,
            Images = options.KeepImageMoments ? samples * plan.Stages.Sum(ChannelsOf) * 2 * sizeof(double) : options.Policy.NeedsImages ? samples * MostChannels(plan) * 2 * sizeof(double) : 0,
        };
    }

    /// <summary>Channels whose moments an image has at one time, in the widest stage; twice where they are joined from parts measured before.</summary>
    private static long MostChannels(AdaptationPlan plan) =>
        plan.Stages.Max(stage => stage.Layers.Sum(layer => (long)layer.Channels * (plan.Parts[layer].Length > 1 ? 2 : 1)));

    private static long ChannelsOf(Stage stage) => stage.Layers.Sum(layer => (long)layer.Channels);

    private static Dictionary<Value, long> BytesOf(OnnxModel model, AdaptationPlan plan, InputBinding binding, Value[] computed)
    {
        int rows = binding.FixedBatch ?? 1;
        Dictionary<Value, long> bytes = binding.Sources.Where(source => source.Target is not null).ToDictionary(source => source.Target!, source => (long)source.Input.Length * sizeof(float));
        if (computed.Length == 0) return bytes;
        OnnxModel shapes = SubgraphExtractor.Extract(model,
            [.. binding.Sources.Where(source => source.Target is not null).Select(source => KeyValuePair.Create(source.Target!, TypeOf(source, rows)))], computed);
        using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using var session = new InferenceSession(shapes.ToBytes(), options);
        foreach (Value value in computed)
        {
            NodeMetadata metadata = session.OutputMetadata[value.Name];
            int[] shape = [.. metadata.Dimensions];
            if (shape.Any(length => length < 0))
            {
                throw new AdaptationException(AdaptationError.UnsupportedForm,
                    $"Memory cannot be foretold: the shape of '{value.Name}' is [{string.Join(", ", shape)}], known only when it is computed.");
            }
            if (plan.CanRegroup && shape.Length == 4 && BlockedLayout.Block > 0) shape[1] = BlockedLayout.Padded(shape[1], BlockedLayout.Block);
            bytes[value] = shape.Aggregate((long)sizeof(float), (product, length) => product * length) / rows;
        }
        return bytes;
    }

    private static TensorType TypeOf(BoundInput source, int rows) => new(ElementType.Float, [new Dimension(rows), .. source.Shape.Select(length => new Dimension(length))]);
}
