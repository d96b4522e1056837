namespace AdaBN.Tests;

/// <summary>Progress that is told at once, on the thread that reports it.</summary>
internal sealed class Telling(Action<AdaptationProgress> tell) : IProgress<AdaptationProgress>
{
    public void Report(AdaptationProgress value) => tell(value);
}
