using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;

namespace ScoringService;

/// <summary>Turns what is wrong with a request into a problem that says so (RFC 9457); Kestrel's own refusals, such as of bodies too large, come as the same exception.</summary>
internal sealed class Refusals(IProblemDetailsService problems) : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        int? status = exception switch
        {
            BadHttpRequestException refused => refused.StatusCode,
            InvalidDataException => StatusCodes.Status422UnprocessableEntity, // the model can do nothing with it
            _ => null,
        };
        if (status is null) return ValueTask.FromResult(false);
        httpContext.Response.StatusCode = status.Value;
        return problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = httpContext, ProblemDetails = new ProblemDetails { Status = status, Detail = exception.Message } });
    }
}
