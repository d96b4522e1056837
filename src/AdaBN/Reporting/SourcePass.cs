using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Distributed;
using AdaBN.Forms;
using AdaBN.Input;
using AdaBN.Measurement;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Reporting;

/// <summary>A layer as it is in the source model: nothing before it adapted.</summary>
/// <param name="Evidence">Its statistics in the file, and those measured.</param>
/// <param name="SecondMoments">Of its input; null unless asked for.</param>
internal sealed record UnchangedLayer(LayerEvidence Evidence, SecondMoments? SecondMoments);

/// <summary>One pass of samples through the unchanged model; nothing is kept between batches.</summary>
/// <param name="Layers">All layers.</param>
/// <param name="Samples">Samples measured.</param>
internal sealed record SourcePass(IReadOnlyList<UnchangedLayer> Layers, long Samples)
{
    private const int MostChannels = 1 << 14; // a gigabyte of second moments

    public static SourcePass Run(
        WorkingModel working, ISampleSource samples, AdaptationOptions options, bool wantsSecondMoments, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        if (wantsSecondMoments && working.Layers.FirstOrDefault(layer => layer.Channels > MostChannels) is { } wide)
        {
            throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
                $"Layer '{wide.Info.Name}' has {wide.Channels} channels; the MMD needs a matrix of their squares and takes at most {MostChannels}. Measure without it, or leave the layer out with the layer filter."));
        }
        AdaptationPlan plan = StagePlanner.PlanUnchanged(working.Model, working.Layers);
        InputBinding binding = InputBinding.Bind(working.Model, plan.Inputs, samples.Inputs);
        var notes = new ReadingNotes(samples.Inputs, drawn: 0, Share.Whole(samples.Count, null));
        using var reader = new BatchReader(binding, samples, options.MaxSamples, notes);
        using var allocator = new SlotAllocator(options.EffectiveMaxMemory, options.SpillFolder);
        using var shelf = new PieceShelf(working.Model, plan, allocator, keeps: false);
        using var runner = new StageRunner(shelf, binding, reader, options, progress)
        {
            SecondMoments = working.Layers.Where(_ => wantsSecondMoments).ToDictionary(layer => layer, _ => new SecondMomentSum()),
        };
        Stage stage = plan.Stages.Single();
        IReadOnlyList<ChannelMoments> moments = working.Pool(stage.Layers, runner.Measure(stage, new Dictionary<BatchNormLayer, Normalizer>(), cancellationToken));
        notes.Complete(cancellationToken);
        SecondMoments?[] second = new SecondMoments?[stage.Layers.Length];
        if (wantsSecondMoments) second = [.. working.Pool(stage.Layers, [.. stage.Layers.Select(layer => runner.SecondMoments[layer].Total())], SecondMoments.Merge)];
        return new SourcePass(
            [.. stage.Layers.Select((layer, i) => new UnchangedLayer(LayerEvidence.Of(layer.Info, layer.Epsilon, layer.Source, moments[i], options.Variance) with { EffectiveImages = moments[i].Images * notes.WorthOf(reader.SamplesRead) }, second[i]))], reader.SamplesRead);
    }
}
