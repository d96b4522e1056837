using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace AdaBN.Cli;

/// <summary>Shows on a terminal how far a work is, how fast it goes and how long it will take; does nothing elsewhere.</summary>
internal static class ProgressBar
{
    private const int BarWidth = 20; // so that a line fits 80 columns

    public static T Run<T>(IAnsiConsole console, Func<IProgress<AdaptationProgress>?, T> work, string doing = "adapting")
    {
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Capabilities.Ansi) return work(null);
        var pace = new Pace(doing);
        return console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = BarWidth }, new PercentageColumn(), new PaceColumn(pace))
            .Start(context =>
            {
                ProgressTask task = context.AddTask(doing, maxValue: 1);
                return work(new Bar(task, pace));
            });
    }

    /// <summary>Reports at once: <see cref="Progress{T}"/> would queue them behind each other.</summary>
    private sealed class Bar(ProgressTask task, Pace pace) : IProgress<AdaptationProgress>
    {
        public void Report(AdaptationProgress value)
        {
            pace.Note(value);
            task.Description = pace.Description;
            task.Value = pace.Share;
        }
    }

    private sealed class PaceColumn(Pace pace) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(pace.ToString(), Style.Plain).Ellipsis();
    }
}

/// <summary>How fast a work goes, by what it reports.</summary>
/// <param name="doing">What is done.</param>
/// <param name="clock">Tells the time since the work began.</param>
internal sealed class Pace(string doing, Func<TimeSpan>? clock = null)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1); // before that, figures jump
    private readonly Func<TimeSpan> _clock = clock ?? Clock();
    private readonly Lock _lock = new();
    private int _stage = -1, _stages;
    private long _samples;
    private double _within;
    private TimeSpan _stageBegan;

    public string Description => _stages <= 1 ? doing : string.Create(CultureInfo.InvariantCulture, $"{doing}, stage {_stage + 1} of {_stages}");

    /// <summary>Share of the work that is done, stages counting alike.</summary>
    public double Share { get; private set; }

    public void Note(AdaptationProgress value)
    {
        lock (_lock)
        {
            if (value.Stage < _stage) return; // told late, by another worker
            if (value.Stage > _stage) (_stage, _samples, _within, _stageBegan) = (value.Stage, 0, 0, _clock());
            _samples = Math.Max(_samples, value.SamplesDone);
            _within = value.SampleCount is > 0 and var count ? Math.Min(1, (double)_samples / count) : 0;
            Share = Math.Max(Share, (value.Stage + _within) / value.StageCount);
            _stages = value.StageCount;
        }
    }

    /// <summary>
    /// Samples a second in this stage, and the time left if each further stage takes as long as this one: stages before it may have seen a few drawn
    /// images only.
    /// </summary>
    public override string ToString()
    {
        lock (_lock)
        {
            TimeSpan inStage = _clock() - _stageBegan;
            string rate = _samples > 0 && inStage > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"{_samples / inStage.TotalSeconds:0} samples/s") : "";
            if (inStage < Soon || _within == 0 || Share == 1) return rate;
            TimeSpan left = (inStage / _within * (_stages - _stage)) - inStage;
            string time = left.ToString(left.TotalHours < 1 ? @"m\:ss" : @"h\:mm\:ss", CultureInfo.InvariantCulture);
            return left.TotalDays >= 1 ? rate : $"{rate}, {time} left";
        }
    }

    private static Func<TimeSpan> Clock()
    {
        long began = Stopwatch.GetTimestamp();
        return () => Stopwatch.GetElapsedTime(began);
    }
}
