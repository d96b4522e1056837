namespace AdaBN;

/// <summary>What a page tells beside the report itself: of what, from what and when. All of it may be left out.</summary>
public sealed record ReportContext
{
    /// <summary>When; a page without it depends on its inputs alone.</summary>
    public DateTimeOffset? Date { get; init; }

    /// <summary>Names of the model files looked at.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>The file that was written, if any.</summary>
    public ReportFile? Written { get; init; }

    /// <summary>Where the samples came from.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>Settings that were not left to their defaults, by name.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Names of the model's classes, in the order of its scores; else they are numbers.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>What models take samples for.</summary>
    public PredictionReview? Predictions { get; init; }
}

/// <summary>A file and its content.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Sha256">SHA-256 of its content, in lower-case hex.</param>
public sealed record ReportFile(string Name, string Sha256);
