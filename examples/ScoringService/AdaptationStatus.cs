using AdaBN;

namespace ScoringService;

/// <summary>What became of an adaptation.</summary>
internal enum AdaptationState
{
    /// <summary>There was none yet.</summary>
    None,

    /// <summary>It is under way.</summary>
    Running,

    /// <summary>Its model is served.</summary>
    Swapped,

    /// <summary>The verdict is not to use it, or its model is being served already; the reasons say which.</summary>
    NotSwapped,

    /// <summary>It failed; the reasons say why. The model served is as before.</summary>
    Failed,

    /// <summary>The service was stopped meanwhile.</summary>
    Cancelled,
}

/// <summary>An adaptation as GET /adapt tells it.</summary>
/// <param name="Number">Counts the adaptations since the service was started.</param>
/// <param name="State">How it stands.</param>
/// <param name="Images">Images it is made on.</param>
/// <param name="Started">When it began.</param>
internal sealed record AdaptationStatus(int Number, AdaptationState State, int Images, DateTimeOffset? Started)
{
    public DateTimeOffset? Ended { get; init; }

    /// <summary>How much is done, 0 to 1.</summary>
    public double Progress { get; init; }

    public VerdictKind? Verdict { get; init; }

    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>What one should know about the images or the result.</summary>
    public IReadOnlyList<string> Findings { get; init; } = [];

    /// <summary>SHA-256 of the model that came out, served or not.</summary>
    public string? Model { get; init; }

    public string? Report { get; init; }
}
