using System.Globalization;
using Microsoft.ML.Runtime;

namespace AdaBN.MLNet;

/// <summary>What <c>MLContext.Log</c> hears of an adaptation: what was done, and as warnings what to heed.</summary>
internal static class AdaptationLog
{
    public static void Tell(IChannel? channel, AdaptationReport report, string whose = "")
    {
        channel?.Info(MessageSensitivity.None, string.Create(CultureInfo.InvariantCulture,
            $"{whose}{report.Method}: {report.Layers.Count} layers measured on {report.Samples} rows; largest shift {report.Layers.Max(layer => layer.Shift):g3}; verdict: {report.Verdict.Kind}."));
        foreach (string reason in report.Verdict.Reasons)
        {
            if (report.Verdict.Kind is VerdictKind.Adapt or VerdictKind.NotJudged) channel?.Info(MessageSensitivity.None, whose + reason);
            else channel?.Warning(MessageSensitivity.None, whose + reason);
        }
        foreach (string finding in report.Findings) channel?.Warning(MessageSensitivity.None, whose + finding);
    }
}

/// <summary>Traces each stage as it begins.</summary>
internal sealed class StageLog(IChannel channel, IProgress<AdaptationProgress>? inner) : IProgress<AdaptationProgress>
{
    private readonly Lock _lock = new();
    private int _stage = -1;

    public void Report(AdaptationProgress value)
    {
        inner?.Report(value);
        lock (_lock)
        {
            if (value.Stage <= _stage) return;
            _stage = value.Stage;
            channel.Trace(MessageSensitivity.None, string.Create(CultureInfo.InvariantCulture, $"stage {value.Stage + 1} of {value.StageCount}"));
        }
    }
}
