using System.Text.Json.Serialization;
using AdaBN.Input;
using AdaBN.Judgement;
using AdaBN.Onnx;

namespace AdaBN;

/// <summary>What a model takes images for, and what another takes the same ones for: both run as files, by plain ONNX Runtime, on images drawn evenly from the set.</summary>
/// <param name="Read">Samples in the set.</param>
/// <param name="Source">The first model's predictions of those drawn.</param>
/// <param name="Adapted">The second's; null where there is none.</param>
/// <param name="Agreement">Share that both take for the same; null where there is no second.</param>
/// <param name="Changed">How many they take for different classes; null where there is no second.</param>
/// <param name="Examples">Some of those: of two models the first drawn that they differ in, else those of lowest probability.</param>
public sealed record PredictionReview(long Read, PredictionSummary Source, PredictionSummary? Adapted, double? Agreement, int? Changed, IReadOnlyList<PredictedSample> Examples)
{
    private const int MostImages = 1000, MostExamples = 12;
    private const long MostBytes = 1 << 28;

    /// <summary>Draws at most 1000 different samples (fewer of large ones: 256 MB) and scores them. The same for the same samples, whatever their order.</summary>
    /// <param name="model">The first model.</param>
    /// <param name="adapted">The second; null for one model alone.</param>
    /// <param name="samples">Samples, which are read once.</param>
    /// <param name="maxSamples">Samples to read at most; null: all.</param>
    /// <param name="nameOf">A sample's name by its place; asked when all are read.</param>
    /// <param name="pictureOf">A sample's picture as PNG, of its tensors; null where it is none.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Null where a model gives no class scores, or some that are not finite.</returns>
    /// <exception cref="AdaptationException">Model and data do not fit.</exception>
    public static PredictionReview? Of(
        OnnxModel model, OnnxModel? adapted, ISampleSource samples, long? maxSamples = null, Func<long, string>? nameOf = null, Func<IReadOnlyList<float[]>, byte[]?>? pictureOf = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        if (ClassScores.Find(model.Graph, anyPrecision: true) is null) return null;
        int most = (int)Math.Clamp(MostBytes / samples.Inputs.Sum(input => (long)sizeof(float) * input.Length), 1, MostImages);
        DrawnSamples drawn = DrawnSamples.Draw(model, samples, most, maxSamples, cancellationToken);
        if (drawn.Indices.Count == 0 || Score(model, drawn, cancellationToken) is not { } before) return null;
        Predictions? after = adapted is null ? null : Score(adapted, drawn, cancellationToken);
        if (adapted is not null && (after is null || after.Summary.Histogram.Count != before.Summary.Histogram.Count)) return null;

        int[] all = [.. Enumerable.Range(0, drawn.Indices.Count)];
        int[] told = after is null ? [.. all.OrderBy(i => before.Probability[i]).Take(MostExamples)] : [.. all.Where(i => before.Class[i] != after.Class[i])];
        Dictionary<int, float[][]> tensors = TensorsOf(drawn.Source, [.. told.Take(MostExamples)]);
        PredictedSample[] examples = [.. told.Take(MostExamples).Select(i => new PredictedSample(
            drawn.Indices[i], nameOf?.Invoke(drawn.Indices[i]), before.Class[i], before.Probability[i], after?.Class[i], after?.Probability[i]) { Picture = pictureOf?.Invoke(tensors[i]) })];
        return new PredictionReview(drawn.Read, before.Summary, after?.Summary, after is null ? null : before.AgreementWith(after), after is null ? null : told.Length, examples);
    }

    private static Predictions? Score(OnnxModel model, DrawnSamples drawn, CancellationToken cancellationToken) =>
        ClassScores.Find(model.Graph, anyPrecision: true) is not { } output ? null : Predictions.Of(ModelScores.Of(model, output, drawn.Source, domain: null, threads: 0, progress: null, cancellationToken));

    private static Dictionary<int, float[][]> TensorsOf(ISampleSource samples, HashSet<int> wanted)
    {
        var found = new Dictionary<int, float[][]>();
        using ISampleReader reader = samples.OpenReader();
        for (int i = 0; found.Count < wanted.Count; i++)
        {
            float[][] tensors = [.. samples.Inputs.Select(input => new float[input.Length])];
            if (!reader.TryRead([.. tensors.Select(tensor => tensor.AsMemory())])) break;
            if (wanted.Contains(i)) found[i] = tensors;
        }
        return found;
    }
}

/// <summary>What models take a sample for.</summary>
/// <param name="Index">Its place in the set, from 0.</param>
/// <param name="Name">Its name, such as its file's; null where it has none.</param>
/// <param name="Class">The first model's class.</param>
/// <param name="Probability">That class's probability.</param>
/// <param name="AdaptedClass">The second model's class; null where there is none.</param>
/// <param name="AdaptedProbability">That class's probability.</param>
public sealed record PredictedSample(long Index, string? Name, int Class, double Probability, int? AdaptedClass, double? AdaptedProbability)
{
    /// <summary>The sample as a PNG file; null where it is no picture.</summary>
    [JsonIgnore]
    public byte[]? Picture { get; init; }
}
