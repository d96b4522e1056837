namespace AdaBN;

/// <summary>How far an adaptation has come. Stages take different times; samples within a stage take equal ones.</summary>
/// <param name="Stage">The stage under way, from 0.</param>
/// <param name="StageCount">Number of stages.</param>
/// <param name="SamplesDone">Samples done in this stage.</param>
/// <param name="SampleCount">Samples in all, or null while that is not known.</param>
public sealed record AdaptationProgress(int Stage, int StageCount, long SamplesDone, long? SampleCount);
