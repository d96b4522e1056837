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
