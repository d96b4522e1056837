// A classifier in production that adapts to its site without a restart: it scores images, keeps unlabeled ones, adapts the source model to them in the
// background (BatchNormAdapter), and swaps the model where the verdict is to use it. Requests under way finish on the model they began with.
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaBN;
using AdaBN.Onnx;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.RateLimiting;
using ScoringService;

return await ServiceOptions.Command(Serve).Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = null }); // signals are the host's: it drains

static async Task<int> Serve(ServiceOptions options)
{
    const string computing = "computing", usualUrl = "http://127.0.0.1:5080";
    WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
    if ((options.Urls ?? builder.Configuration[WebHostDefaults.ServerUrlsKey] ?? usualUrl) is var urls) builder.WebHost.UseUrls(urls);
    builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning); // not a line a request
    builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = options.MaxImageBytes);
    builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase)));
    builder.Services.Configure<FormOptions>(form => (form.MultipartBodyLengthLimit, form.ValueCountLimit) = (options.MaxUploadBytes, Math.Max(form.ValueCountLimit, options.MaxImages)));
    builder.Services.AddProblemDetails().AddExceptionHandler<Refusals>();
    builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new() { Timeout = TimeSpan.FromSeconds(30) });
    builder.Services.AddRateLimiter(limiter =>
    {
        limiter.RejectionStatusCode = StatusCodes.Status503ServiceUnavailable; // not 429: it is not this client who asks too much
        limiter.OnRejected = (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = "1";
            return ValueTask.CompletedTask;
        };
        limiter.AddConcurrencyLimiter(computing, limits => (limits.PermitLimit, limits.QueueLimit) = (256, 0)); // those who send too slowly are Kestrel's to cut off
    });
    builder.Services.AddSingleton(options).AddSingleton<SourceModel>().AddSingleton<ImageFolder>().AddSingleton<Deployment>().AddSingleton<AdaptationJob>();
    builder.Services.AddHostedService(services => services.GetRequiredService<AdaptationJob>());

    try
    {
        using FileStream _ = DataFolder.Lock(options.Data);
        await using WebApplication app = builder.Build();
        app.UseExceptionHandler().UseStatusCodePages().UseRequestTimeouts().UseRateLimiter();

        app.MapGet("/health", (Deployment deployment, ImageFolder images, AdaptationJob job) =>
        {
            DeploymentState state = deployment.State;
            return new Health(state.Current.Version, state.Source, state.Current.Verdict, state.Current.Since, state.Swaps, ServedModel.Open, images.Count, job.Status.State);
        });

        app.MapPost("/score", async (HttpRequest request, SourceModel source, Deployment deployment) =>
        {
            float[] tensor = await RequestBodies.ReadTensorAsync(request, source);
            using ModelSlot.Lease lease = deployment.Borrow();
            return Score.Of(lease.Model.Score(tensor), lease.Model.Version);
        }).RequireRateLimiting(computing);

        app.MapPost("/images", async (HttpRequest request, ImageFolder images) =>
        {
            int kept = 0, known = 0;
            List<RefusedImage> refused = [];
            await foreach ((string name, byte[]? content) in RequestBodies.ReadImagesAsync(request, options.MaxImageBytes))
            {
                try
                {
                    if (images.Keep(content ?? throw new InvalidDataException($"it has more than {options.MaxImageMegabytes} MB (--max-image-megabytes)"))) kept++;
                    else known++;
                }
                catch (InvalidDataException e)
                {
                    refused.Add(new RefusedImage(name, e.Message));
                }
            }
            return kept + known > 0 ? Results.Ok(new Upload(kept, known, refused, images.Count))
                : Results.Problem("No image was taken.", statusCode: StatusCodes.Status400BadRequest, extensions: new Dictionary<string, object?> { ["refused"] = refused });
        }).RequireRateLimiting(computing).WithMetadata(new RequestSizeLimitAttribute(options.MaxUploadBytes));

        app.MapDelete("/images", (ImageFolder images, AdaptationJob job) =>
        {
            if (job.Status.State == AdaptationState.Running) return Conflict("An adaptation is reading the images; GET /adapt tells when it is done.");
            images.Clear();
            return Results.NoContent();
        });

        app.MapPost("/adapt", (ImageFolder images, AdaptationJob job) =>
            images.Count == 0 ? Conflict("No image is kept; POST some to /images.")
            : job.TryStart() ? Results.Accepted("/adapt", job.Status)
            : Conflict("An adaptation is under way; GET /adapt tells how far."));

        app.MapGet("/adapt", (AdaptationJob job) => job.Status);

        app.MapGet("/report", (AdaptationJob job) => File.Exists(job.ReportFile) ? Results.File(Path.GetFullPath(job.ReportFile), "text/html; charset=utf-8")
            : Results.Problem("There was no adaptation yet.", statusCode: StatusCodes.Status404NotFound));

        app.MapPost("/rollback", (Deployment deployment) => deployment.Rollback() ? Results.Ok(deployment.State) : Conflict("There is no model before this one."));

        app.Services.GetRequiredService<Deployment>(); // a model that does not score is told before anybody asks
        await app.RunAsync();
        return 0;
    }
    catch (Exception e) when (e is AdaptationException or OnnxModelException or InvalidDataException or ArgumentException or IOException or UnauthorizedAccessException)
    {
        await Console.Error.WriteLineAsync($"ScoringService: {e.Message}");
        return 1;
    }

    static IResult Conflict(string detail) => Results.Problem(detail, statusCode: StatusCodes.Status409Conflict);
}
