using System.Globalization;

namespace AdaBN;

/// <summary>Settings of a shift report. Immutable.</summary>
public sealed record ShiftOptions
{
    /// <summary>
    /// The default of <see cref="Threshold"/> against statistics in the file. They come from training, whose augmentation and padding alone move layers
    /// by up to 0.2: a ResNet-20 shows that on its own training images.
    /// </summary>
    public const double ThresholdAgainstFile = 0.25;

    /// <summary>The default of <see cref="Threshold"/> against source samples: both sets take the same way, so only chance is between them, which is counted off already.</summary>
    public const double ThresholdAgainstSamples = 0.1;

    /// <summary>
    /// Samples of the source domain, unlabeled: the target is then compared with what is measured on these, in the same model, instead of with
    /// the statistics in the file. Default: none.
    /// </summary>
    public ISampleSource? SourceSamples { get; init; }

    /// <summary>Whether to measure <see cref="LayerShift.Mmd"/> too; needs <see cref="SourceSamples"/>. Default: false, since it multiplies every pair of channels at every position.</summary>
    public bool Mmd { get; init; }

    /// <summary>
    /// What counts as drift: <see cref="LayerShift.LowerBound"/> of some layer above this, in standard deviations of the source; at least 0. Default:
    /// <see cref="ThresholdAgainstSamples"/> with <see cref="SourceSamples"/>, else <see cref="ThresholdAgainstFile"/>. Another mix of classes is drift, too.
    /// </summary>
    public double? Threshold { get; init; }

    /// <summary><see cref="Threshold"/>, or its default.</summary>
    public double EffectiveThreshold => Threshold ?? (SourceSamples is null ? ThresholdAgainstFile : ThresholdAgainstSamples);

    /// <summary>
    /// Which layers to measure and how: filter, reference, variance, samples to read, batch size, workers. The policy is not asked, and nothing is
    /// stored between stages.
    /// </summary>
    public AdaptationOptions Measuring { get; init; } = new();

    /// <summary>Throws when any setting is out of range, naming all that are.</summary>
    /// <exception cref="ArgumentException">At least one setting is out of range.</exception>
    public void Validate()
    {
        List<string> faults = [];
        if (!(EffectiveThreshold >= 0 && double.IsFinite(EffectiveThreshold))) faults.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(Threshold)} is {Threshold}, expected 0 or more standard deviations (or null for the default)"));
        if (Mmd && SourceSamples is null) faults.Add($"{nameof(Mmd)} is asked for without {nameof(SourceSamples)}, which it compares with");
        if (Measuring is null) faults.Add($"{nameof(Measuring)} is null, expected settings");
        if (faults.Count > 0) throw new ArgumentException($"{nameof(ShiftOptions)}: {string.Join("; ", faults)}.");
        Measuring!.Validate();
    }
}
