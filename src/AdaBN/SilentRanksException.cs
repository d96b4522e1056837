namespace AdaBN;

/// <summary>Other ranks did not come to an exchange in time: what an <see cref="ICommunicator"/> throws then. An adaptation adds the stage, and what they were to measure.</summary>
public sealed class SilentRanksException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">Who waited, how long, and for whom.</param>
    /// <param name="ranks">The ranks that did not come; empty where that is not known.</param>
    public SilentRanksException(string message, IReadOnlyList<int> ranks)
        : base(message) => Ranks = ranks;

    /// <summary>The ranks that did not come; empty where that is not known.</summary>
    public IReadOnlyList<int> Ranks { get; }
}
