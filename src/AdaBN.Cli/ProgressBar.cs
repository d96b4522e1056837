using System.Globalization;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary>Shows an adaptation's progress on a terminal; does nothing elsewhere.</summary>
internal static class ProgressBar
{
    public static T Run<T>(IAnsiConsole console, Func<IProgress<AdaptationProgress>?, T> work, string doing = "adapting")
    {
        if (!console.Profile.Capabilities.Interactive) return work(null);
        return console.Progress().AutoClear(true).Start(context =>
        {
            ProgressTask task = context.AddTask(doing, maxValue: 1);
            return work(new Bar(task));
        });
    }

    /// <summary>Reports at once: <see cref="Progress{T}"/> would queue them behind each other.</summary>
    private sealed class Bar(ProgressTask task) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value)
        {
            double within = value.SampleCount is > 0 and var count ? (double)value.SamplesDone / count : 0;
            task.Description = string.Create(CultureInfo.InvariantCulture, $"stage {value.Stage + 1} of {value.StageCount}");
            task.Value = Math.Max(task.Value, (value.Stage + within) / value.StageCount);
        }
    }
}
