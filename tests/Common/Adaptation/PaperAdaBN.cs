namespace AdaBN.TestSupport;

/// <summary>AdaBN as its paper has it, unjudged: what is compared with references and timed against other systems.</summary>
internal static class PaperAdaBN
{
    public static AdaptationOptions Options { get; } = new() { Policy = AdaptationPolicy.AdaBN, JudgementImages = 0 };
}
