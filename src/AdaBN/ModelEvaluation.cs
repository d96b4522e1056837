using System.Globalization;
using AdaBN.Domains;
using AdaBN.Judgement;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>Runs a model as its file has it, in plain ONNX Runtime: class scores of samples and, where they are labelled, how many it gets right.</summary>
public static class ModelEvaluation
{
    private const int DomainsShown = 10;

    /// <summary>Class scores of samples.</summary>
    /// <param name="model">A classifier, adapted or not, or a bank of domains.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="domain">For a bank with an input that picks domains: the id for all samples, <see cref="DomainBank.SourceId"/> for the source's statistics.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="AdaptationException">Model, data and domain do not fit, the model gives no class scores, or some that are not finite.</exception>
    public static ScoredSamples Score(OnnxModel model, ISampleSource samples, long? domain = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        string? input = CheckDomain(model, domain);
        if (samples.Inputs.Any(fed => fed.Name is { } name && name == input))
            throw new AdaptationException(AdaptationError.InputMismatch, $"The data feeds the input '{input}', which picks the bank's domain; leave it out and give the domain's id instead.");
        Value output = ClassScores.Find(model.Graph, anyPrecision: true) ?? throw NoScores(model);
        float[][] scores = ModelScores.Of(model, output, samples, input is null ? null : (input, domain!.Value), threads: 0, progress, cancellationToken) ?? throw NoScores(model);
        if (scores.Length == 0) throw new AdaptationException(AdaptationError.EmptyData, "The data holds no sample; there is nothing to score.");
        return Predictions.Of(scores) is { } seen ? new ScoredSamples(model.Sha256, domain, scores, seen.Class, seen.Probability, seen.Summary)
            : throw NotFinite(output, Array.FindIndex(scores, row => !row.All(float.IsFinite)));
    }

    /// <summary>How well a model tells the classes of labelled samples.</summary>
    /// <param name="model">A classifier, adapted or not, or a bank of domains.</param>
    /// <param name="labelled">The samples and their classes.</param>
    /// <param name="domain">As in <see cref="Score"/>.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="AdaptationException">As in <see cref="Score"/>, or labels and samples do not fit.</exception>
    public static EvaluationReport Run(OnnxModel model, LabelledSamples labelled, long? domain = null, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(labelled);
        if (labelled.Samples.Count is { } count) labelled.CheckCount(count); // before a long run
        return EvaluationReport.Of(Score(model, labelled.Samples, domain, progress, cancellationToken), labelled);
    }

    /// <summary>The input that picks domains; null where the model has none.</summary>
    private static string? CheckDomain(OnnxModel model, long? domain)
    {
        BankHeader? bank = BankHeader.In(model);
        if (bank is null or { Router: not null })
        {
            return domain is null ? null : throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
                $"A domain is given ({domain}), but {(bank is null ? "the model is no bank of domains" : "this bank tells an image's domain by itself")}. Leave it out (--domain)."));
        }
        if (domain == DomainBank.SourceId || bank.Domains.Any(known => known.Id == domain)) return bank.Input;
        string known = string.Concat(bank.Domains.Take(DomainsShown).Select(one => string.Create(CultureInfo.InvariantCulture, $", {one.Id} '{one.Name}'"))) + (bank.Domains.Count > DomainsShown ? ", …" : "");
        throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
            $"The model is a bank of domains, picked by its input '{bank.Input}', {(domain is null ? "and no domain is given" : $"and has no domain of the id {domain}")}. Give an id (--domain ID): 0 the source's statistics{known} ('adabn bank list' lists them)."));
    }

    private static AdaptationException NoScores(OnnxModel model) => new(AdaptationError.UnsupportedForm,
        $"The model has no output of one score a class for each sample; its outputs: {string.Join("; ", model.Graph.Outputs.Select(output => output.ToString()))}. Export it with its class scores as an output.");

    private static AdaptationException NotFinite(Value output, int sample) => new(AdaptationError.NonFinite, string.Create(CultureInfo.InvariantCulture,
        $"The model's output '{output.Name}' holds a score that is not finite, first at sample {sample} (counting from 0). Check that preprocessing (scale, mean, channel order) is the one the model was trained with."));
}
