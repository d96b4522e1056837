using System.Text;
using AdaBN;
using AdaBN.Onnx;

namespace ScoringService;

/// <summary>Adapts the source model to the images kept, in the background and one at a time, and deploys what comes out where the verdict is to use it.</summary>
internal sealed partial class AdaptationJob(
    ServiceOptions options, SourceModel source, ImageFolder images, Deployment deployment, IHostApplicationLifetime lifetime, ILogger<AdaptationJob> logger) : IHostedService, IProgress<AdaptationProgress>
{
    private readonly Lock _starting = new();
    private Task _work = Task.CompletedTask;
    private volatile AdaptationStatus _status = new(0, AdaptationState.None, 0, null);
    private volatile AdaptationProgress? _progress;

    /// <summary>The adaptation under way, or the last one.</summary>
    public AdaptationStatus Status => _status is { State: AdaptationState.Running } running && _progress is { } progress ? running with { Progress = ShareOf(progress) } : _status;

    public string ReportFile => Path.Combine(options.Data, "report.html");

    /// <summary>Starts one; false where one is under way.</summary>
    public bool TryStart()
    {
        lock (_starting)
        {
            if (_status.State == AdaptationState.Running) return false;
            _progress = null;
            _status = new AdaptationStatus(_status.Number + 1, AdaptationState.Running, images.Count, DateTimeOffset.UtcNow);
            _work = Task.Run(Run, CancellationToken.None);
            return true;
        }
    }

    void IProgress<AdaptationProgress>.Report(AdaptationProgress value) => _progress = value;

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The adaptation has been told to stop by now; nothing of it is left behind.</summary>
    Task IHostedService.StopAsync(CancellationToken cancellationToken) => _work.WaitAsync(cancellationToken);

    private void Run()
    {
        AdaptationStatus running = _status;
        LogStarted(running.Number, running.Images);
        AdaptationStatus ended;
        try
        {
            ended = Adapt(running);
        }
        catch (OperationCanceledException)
        {
            ended = running with { State = AdaptationState.Cancelled, Reasons = ["The service was stopped."] };
        }
        catch (Exception e) // whatever it is: the service lives on with the model it has
        {
            LogFailed(e, running.Number);
            ended = running with { State = AdaptationState.Failed, Reasons = [e.Message] };
        }
        LogEnded(running.Number, ended.State, ended.Verdict, ended.Model);
        _status = ended with { Ended = DateTimeOffset.UtcNow };
    }

    private AdaptationStatus Adapt(AdaptationStatus running)
    {
        var settings = new AdaptationOptions { Workers = options.AdaptationThreads, MaxMemory = (long)options.AdaptationMegabytes << 20 };
        AdaptationResult result = BatchNormAdapter.Adapt(source.Model, images.Open(), settings, this, lifetime.ApplicationStopping);
        byte[] model = result.Model.ToBytes();
        Verdict verdict = result.Report.Verdict;
        WriteReport(result, model);

        bool isAdvised = verdict.Kind is VerdictKind.Adapt or VerdictKind.AdaptPartly;
        bool isSwapped = isAdvised && deployment.Deploy(model, verdict.Kind);
        return running with
        {
            State = isSwapped ? AdaptationState.Swapped : AdaptationState.NotSwapped,
            Progress = 1,
            Verdict = verdict.Kind,
            Reasons = [.. verdict.Reasons, .. isAdvised && !isSwapped ? ["The model that came out is the one being served."] : Array.Empty<string>()],
            Findings = result.Report.Findings,
            Model = ServedModel.VersionOf(model),
            Report = "/report",
        };
    }

    private void WriteReport(AdaptationResult result, byte[] model)
    {
        var context = new ReportContext
        {
            Date = DateTimeOffset.UtcNow,
            Models = [Path.GetFileName(options.Model)],
            Written = new ReportFile("the adapted model", ServedModel.VersionOf(model)),
            Data = ["images kept"],
        };
        AtomicFile.Write(ReportFile, stream => stream.Write(Encoding.UTF8.GetBytes(result.Report.ToHtml(context))));
    }

    private static double ShareOf(AdaptationProgress at) => (at.Stage + (at.SampleCount is > 0 and var count ? (double)at.SamplesDone / count : 0)) / Math.Max(1, at.StageCount);

    [LoggerMessage(LogLevel.Information, "Adaptation {Number} starts on {Images} images")]
    private partial void LogStarted(int number, int images);

    [LoggerMessage(LogLevel.Information, "Adaptation {Number} ended: {State}, verdict {Verdict}, model {Model}")]
    private partial void LogEnded(int number, AdaptationState state, VerdictKind? verdict, string? model);

    [LoggerMessage(LogLevel.Error, "Adaptation {Number} failed")]
    private partial void LogFailed(Exception exception, int number);
}
