using System.CommandLine;
using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>The command line's words for <see cref="AdaptationOptions"/>, the same in every command that adapts.</summary>
internal sealed class AdaptationArguments
{
    private readonly Option<int?> _batchSize = new("--batch-size") { Description = "Samples computed at a time; default: chosen for each stage.", HelpName = "N" };
    private readonly Option<long?> _maxMemory = new("--max-memory") { Description = "Megabytes of activations to hold in RAM, the rest in temporary files; default: half of the machine's.", HelpName = "MB" };
    private readonly Option<bool> _halfPrecision = new("--half-precision") { Description = "Hold activations between stages as 16-bit floats: half the memory, a little less exact." };
    private readonly Option<long?> _maxSamples = SharedOptions.MaxSamples();
    private readonly Option<double?> _standardError = new("--standard-error") { Description = "Read only as many samples as give the channel means this standard error (in source standard deviations, worst layer), foretold from the first 64.", HelpName = "ERROR" };
    private readonly Option<string> _policy = new("--policy") { Description = "How far to go: auto (chosen by what can be seen without labels), adabn (all the way), keep, mix:SHARE, prior:IMAGES, gate (as far as the shift exceeds the spread between images), gate:cautious. Against outliers, behind any of them: +trimmed:SHARE (of the images), +median:BATCHES.", DefaultValueFactory = _ => "auto", HelpName = "POLICY" };
    private readonly Option<int> _judge = new("--judge") { Description = "Images drawn from the data to judge by; 0 judges nothing.", DefaultValueFactory = _ => new AdaptationOptions().JudgementImages, HelpName = "N" };
    private readonly Option<string?> _labelled = SharedOptions.Labelled("the verdict then rests on measured accuracy");
    private readonly Option<string?> _labels = SharedOptions.Labels();
    private readonly Option<VarianceKind> _variance = new("--variance") { Description = "Variance estimator.", DefaultValueFactory = _ => VarianceKind.Population };
    private readonly Option<string[]> _skip = SharedOptions.Skip("Leave as it is");
    private readonly Option<string?> _reference = SharedOptions.Reference();
    private readonly Option<bool> _allowImageOutput = new("--allow-image-output") { Description = "Adapt also a model whose output is a picture (super-resolution, generation): it will have the source domain's contrast." };
    private readonly Option<int?> _threads = SharedOptions.Threads();

    public AdaptationArguments() => _policy.CompletionSources.Add("auto", "adabn", "keep", "mix:0.5", "prior:16", "gate", "gate:cautious", "adabn+trimmed:0.1");

    public IEnumerable<Option> All =>
        [_batchSize, _maxSamples, _standardError, _maxMemory, _halfPrecision, _policy, _judge, _labelled, _labels, _variance, _skip, _reference, _allowImageOutput, _threads];

    public AdaptationOptions OptionsOf(ParseResult parsed, OnnxModel model, DataOptions? data)
    {
        ReferenceStatistics? reference = parsed.GetValue(_reference) is { } file ? ReferenceStatistics.Load(file) : null;
        return new AdaptationOptions
        {
            Reference = reference,
            BatchSize = parsed.GetValue(_batchSize),
            MaxSamples = parsed.GetValue(_maxSamples),
            WantedStandardError = parsed.GetValue(_standardError),
            MaxMemory = parsed.GetValue(_maxMemory) << 20,
            HalfPrecisionActivations = parsed.GetValue(_halfPrecision),
            Policy = PolicyOf(parsed.GetValue(_policy)!),
            JudgementImages = parsed.GetValue(_judge),
            Labelled = CommandInputs.LabelledOf(parsed.GetValue(_labelled) is { } known && data is not null ? data.OpenWhole(parsed, model, known, _labelled.Name) : null, parsed.GetValue(_labels)),
            Variance = parsed.GetValue(_variance),
            AllowImageOutput = parsed.GetValue(_allowImageOutput),
            Workers = parsed.GetValue(_threads),
            LayerFilter = CommandInputs.FilterOf(model, reference, parsed.GetValue(_skip) ?? []),
        };
    }

    /// <summary>A policy and what to do about outliers, such as adabn+median:8+trimmed:0.1.</summary>
    private static IAdaptationPolicy PolicyOf(string text)
    {
        string[] wrappers = text.Split('+');
        return wrappers.Skip(1).Aggregate(BasePolicyOf(wrappers[0]), (policy, wrapper) => (wrapper.Split(':'), NumberOf(wrapper)) switch
        {
            (["trimmed"], _) => policy.Trimmed(),
            (["trimmed", _], { } share) => policy.Trimmed(share),
            (["median"], _) => policy.MedianOfBatches(),
            (["median", _], { } batches) when batches == (int)batches => policy.MedianOfBatches((int)batches),
            _ => throw new ArgumentException($"--policy: '+{wrapper}' is neither +trimmed:SHARE (such as +trimmed:0.1) nor +median:BATCHES (such as +median:8)."),
        });
    }

    private static double? NumberOf(string text) =>
        text.Split(':') is [_, var digits] && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null;

    private static IAdaptationPolicy BasePolicyOf(string text)
    {
        return (text, text.Split(':')[0], NumberOf(text)) switch
        {
            ("auto", _, _) => AdaptationPolicy.Auto(),
            ("adabn", _, _) => AdaptationPolicy.AdaBN,
            ("keep", _, _) => AdaptationPolicy.KeepSource,
            ("gate", _, _) => AdaptationPolicy.Gate(),
            ("gate:cautious", _, _) => AdaptationPolicy.Gate(GateSettings.Cautious),
            (_, "mix", { } share) => AdaptationPolicy.Mix(share),
            (_, "prior", { } images) => AdaptationPolicy.SourcePrior(images),
            _ => throw new ArgumentException($"--policy '{text}' is none of auto, adabn, keep, mix:SHARE (such as mix:0.5), prior:IMAGES (such as prior:16), gate, gate:cautious; behind any of them +trimmed:SHARE or +median:BATCHES."),
        };
    }
}
