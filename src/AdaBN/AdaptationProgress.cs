namespace AdaBN;

/// <summary>How far an adaptation has come. Stages take different times; samples within a stage take equal ones.</summary>
/// <param name="Stage">The stage under way, from 0.</param>
/// <param name="StageCount">Number of stages.</param>
/// <param name="SamplesDone">Samples done in this stage.</param>
/// <param name="SampleCount">Samples in all, or null while that is not known.</param>
public sealed record AdaptationProgress(int Stage, int StageCount, long SamplesDone, long? SampleCount);

/// <summary>Reports the stages of one part of a work that has several.</summary>
/// <param name="whole">Told of the whole work.</param>
/// <param name="before">Stages of the parts before this one.</param>
/// <param name="all">Stages of all parts.</param>
internal sealed class PartOfProgress(IProgress<AdaptationProgress> whole, int before, int all) : IProgress<AdaptationProgress>
{
    public void Report(AdaptationProgress value) => whole.Report(value with { Stage = before + value.Stage, StageCount = all });
}
