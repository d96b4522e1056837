using System.Numerics.Tensors;
using AdaBN;

namespace ScoringService;

/// <summary>GET /health.</summary>
/// <param name="Model">SHA-256 of the model served.</param>
/// <param name="Source">That of the source model.</param>
/// <param name="Verdict">The verdict under which the model was adapted; null for the source model.</param>
/// <param name="Since">Since when it is served.</param>
/// <param name="Swaps">Changes of the model so far, rollbacks among them.</param>
/// <param name="OpenModels">1, or more while requests finish on a model that was replaced.</param>
/// <param name="Images">Images kept.</param>
/// <param name="Adaptation">The adaptation under way, or what became of the last one.</param>
internal sealed record Health(string Model, string Source, VerdictKind? Verdict, DateTimeOffset Since, int Swaps, int OpenModels, int Images, AdaptationState Adaptation);

/// <summary>POST /score.</summary>
/// <param name="Class">The class of the highest score.</param>
/// <param name="Probability">Its probability, by softmax.</param>
/// <param name="Scores">The model's scores as they are.</param>
/// <param name="Model">SHA-256 of the model that answered.</param>
internal sealed record Score(int Class, double Probability, float[] Scores, string Model)
{
    /// <exception cref="InvalidDataException">The scores are no numbers.</exception>
    public static Score Of(float[] scores, string model)
    {
        if (!scores.All(float.IsFinite)) throw new InvalidDataException($"The model's scores of this image are not finite. Are its numbers in the range that the model was trained on?");
        int best = TensorPrimitives.IndexOfMax(scores);
        return new Score(best, 1 / scores.Sum(score => Math.Exp((double)score - scores[best])), scores, model);
    }
}

/// <summary>POST /images.</summary>
/// <param name="Kept">Images that are new.</param>
/// <param name="Known">Images that were kept before.</param>
/// <param name="Refused">Those that were not taken, and why.</param>
/// <param name="Images">Images kept now.</param>
internal sealed record Upload(int Kept, int Known, IReadOnlyList<RefusedImage> Refused, int Images);

/// <summary>An image that was not taken.</summary>
internal sealed record RefusedImage(string Name, string Reason);
