using System.Text.Json;

namespace ScoringService;

/// <summary>What requests bring. Their size is bounded by Kestrel before this reads them; what is wrong with them is said in a <see cref="BadHttpRequestException"/>.</summary>
internal static class RequestBodies
{
    /// <summary>The tensor to score: of an image file, or a JSON array of numbers as the model takes them.</summary>
    public static async Task<float[]> ReadTensorAsync(HttpRequest request, SourceModel source)
    {
        CancellationToken cancelled = request.HttpContext.RequestAborted;
        int expected = source.Images.Shape.Aggregate(1, (product, length) => product * length);
        try
        {
            if (!request.HasJsonContentType()) return source.Images.Prepare(await ReadBytesAsync(request));
            float[]? numbers = await JsonSerializer.DeserializeAsync<float[]>(request.Body, cancellationToken: cancelled);
            if (numbers?.Length != expected) throw Bad($"The body holds {numbers?.Length ?? 0} numbers, expected {expected}: {string.Join(" x ", source.Images.Shape)}.");
            return Array.FindIndex(numbers, number => !float.IsFinite(number)) is >= 0 and var at ? throw Bad($"Number {at} (counting from 0) is not finite.") : numbers;
        }
        catch (JsonException e)
        {
            throw Bad($"The body is no JSON array of numbers, such as [0, 0.5, 1]: {e.Message}");
        }
        catch (InvalidDataException e)
        {
            throw Bad($"The image cannot be read: {e.Message}.");
        }
    }

    /// <summary>The images of a form (multipart/form-data), or the one that is the body, by name; null where one is too large.</summary>
    public static async IAsyncEnumerable<(string Name, byte[]? Content)> ReadImagesAsync(HttpRequest request, long maxImageBytes)
    {
        if (request.ContentType?.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase) != true) // others are a client's default, such as curl's
        {
            byte[] body = await ReadBytesAsync(request);
            yield return ("the body", body.Length <= maxImageBytes ? body : null);
            yield break;
        }
        foreach (IFormFile file in await ReadFormAsync(request))
        {
            using var content = new MemoryStream();
            if (file.Length <= maxImageBytes) await file.CopyToAsync(content, request.HttpContext.RequestAborted);
            yield return (file.FileName, file.Length <= maxImageBytes ? content.ToArray() : null);
        }
    }

    private static async Task<IFormFileCollection> ReadFormAsync(HttpRequest request)
    {
        try
        {
            return (await request.ReadFormAsync(request.HttpContext.RequestAborted)).Files;
        }
        catch (Exception e) when (e is InvalidDataException or (IOException and not BadHttpRequestException))
        {
            throw Bad($"The form is damaged, or cut off: {e.Message}");
        }
    }

    private static async Task<byte[]> ReadBytesAsync(HttpRequest request)
    {
        using var content = new MemoryStream();
        await request.Body.CopyToAsync(content, request.HttpContext.RequestAborted);
        return content.ToArray();
    }

    private static BadHttpRequestException Bad(string message) => new(message);
}
