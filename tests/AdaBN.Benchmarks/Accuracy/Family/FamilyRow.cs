using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy.Family;

/// <summary>What a row makes of the source model: a model, and what is done to each image before it.</summary>
/// <param name="Model">What ONNX Runtime runs.</param>
/// <param name="Before">What is done to an image before, or null.</param>
/// <param name="Domain">The number of the images' domain, where the model asks for it.</param>
internal sealed record Entrant(OnnxModel Model, Func<float[], float[]>? Before = null, long Domain = 0);

/// <summary>What rows may look at.</summary>
/// <param name="Images">The target's images, as the model takes them, unlabeled.</param>
/// <param name="Few">Some of them with labels; nothing is scored on these.</param>
/// <param name="Source">Images of the source domain.</param>
internal sealed record FamilyTarget(ISampleSource Images, LabelledSamples Few, ISampleSource Source);

/// <summary>A way to fit a classifier to a target, one line each.</summary>
/// <param name="Name">Its name in the tables.</param>
/// <param name="Make">What it makes of the source model and the target.</param>
internal sealed record FamilyRow(string Name, Func<Classifier, FamilyTarget, Entrant> Make)
{
    public const string Source = "source";
    public const int Labels = 100;
    private const int Domains = 100;

    public static IReadOnlyList<FamilyRow> All { get; } =
    [
        new(Source, (model, _) => new(model.Model)),
        new("AdaBN", (model, target) => new(BatchNormAdapter.Adapt(model.Model, target.Images, PaperAdaBN.Options with { Workers = 1 }).Model)),
        new("pixels alone", (model, target) => new(BatchNormAdapter.Adapt(model.Model, target.Images,
            PaperAdaBN.Options with { Workers = 1, Reference = ReferenceStatistics.MeasurePixels(model.Model, target.Source), LayerFilter = layer => layer.IsInput }).Model)),
        new("AdaBN, in a domain bank", (model, target) => new(Bank(model, target, domains: 1).ToModel(), Domain: 1)),
        new($"AdaBN, in a bank of {Domains} domains", (model, target) => new(Bank(model, target, Domains).ToModel(), Domain: Domains)),
        new("auto", (model, target) => new(BatchNormAdapter.Adapt(model.Model, target.Images, new AdaptationOptions { Workers = 1 }).Model)),
        new("IN, all layers", (model, _) => Rewritten(model, NormalizationRewrite.ToInstanceNorm)),
        new("IN, first third", (model, _) => Rewritten(model, NormalizationRewrite.ToInstanceNorm with { FirstLayers = Third(model) })),
        new("IN, first layer", (model, _) => Rewritten(model, NormalizationRewrite.ToInstanceNorm with { FirstLayers = 1 })),
        new("AdaIN toward the source, all layers", (model, _) => Rewritten(model, NormalizationRewrite.ToSourceStyle)),
        new("BIN, ρ 0.75, first half", (model, _) => Rewritten(model, NormalizationRewrite.ToBatchInstanceNorm(0.75) with { FirstLayers = Half(model) })),
        new("BIN, ρ 0.5, all layers", (model, _) => Rewritten(model, NormalizationRewrite.ToBatchInstanceNorm(0.5))),
        new("BIN, ρ in closed form, all layers", (model, target) => Rewritten(model, NormalizationRewrite.ToBatchInstanceNorm(BatchShare.Measure(model.Model, target.Images)))),
        new("IBN-a, first third", (model, _) => Rewritten(model, NormalizationRewrite.ToInstanceBatchNorm(Third(model)))),
        new("search", (model, target) => Found(model, target, new AdaptationOptions { Workers = 1 })),
        new($"search, {Labels} labels", (model, target) => Found(model, target, new AdaptationOptions { Workers = 1, Labelled = target.Few })),
    ];

    /// <summary>The target is the last of the domains, all of which have its statistics: what they are makes no difference to size or time.</summary>
    private static DomainBank Bank(Classifier model, FamilyTarget target, int domains)
    {
        DomainPatch patch = BatchNormAdapter.Adapt(model.Model, target.Images, PaperAdaBN.Options with { Workers = 1 }).ToPatch("target");
        return Enumerable.Range(1, domains).Aggregate(DomainBank.Of(model.Model), (bank, id) => bank.With(patch.Named($"site {id}"), id));
    }

    private static Entrant Rewritten(Classifier model, NormalizationRewrite rewrite) => new(NormalizationRewriter.Rewrite(model.Model, rewrite).Model);

    private static Entrant Found(Classifier model, FamilyTarget target, AdaptationOptions options) => new(RewriteSearch.Find(model.Model, target.Images, options).Model ?? model.Model);

    private static int Third(Classifier model) => (Layers(model) + 2) / 3;

    private static int Half(Classifier model) => (Layers(model) + 1) / 2;

    private static int Layers(Classifier model) => NormalizationDiscovery.Inspect(model.Model).Count(layer => layer.CanAdapt);
}
