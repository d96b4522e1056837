using AdaBN.Policies;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>A way to adapt, measured beside the source model.</summary>
/// <param name="Name">Its name in the tables.</param>
/// <param name="Policy">The policy.</param>
internal sealed record Candidate(string Name, IAdaptationPolicy Policy)
{
    public const string Source = "source", AdaBN = "AdaBN", Auto = "auto", Gate = "gate";

    public static IReadOnlyList<Candidate> All { get; } =
    [
        new(AdaBN, AdaptationPolicy.AdaBN),
        new("mix 0.25", AdaptationPolicy.Mix(0.25)),
        new("mix 0.5", AdaptationPolicy.Mix(0.5)),
        new("mix 0.75", AdaptationPolicy.Mix(0.75)),
        new("prior 16", AdaptationPolicy.SourcePrior(16)),
        new(Gate, AdaptationPolicy.Gate()),
        new(Auto, AdaptationPolicy.Auto()),
    ];

    /// <summary>Whether it is one fixed share of the way, one of those that the best mix a condition is chosen from.</summary>
    public static bool IsFixedShare(string name) => name is Source or AdaBN || name.StartsWith("mix ", StringComparison.Ordinal);
}
