using System.Collections.Immutable;
using System.Globalization;
using AdaBN.Images.Decoding;
using AdaBN.Input;

namespace AdaBN.Images;

/// <summary>An image file that was named, whether it can be read or not.</summary>
/// <param name="Name">As it is told: relative to the folder, or as the list has it; '/' between folders.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Class">Its class, or null.</param>
public sealed record ImageFile(string Name, string Path, string? Class = null);

/// <summary>Image files in a fixed order: those of a folder, or those that a list names.</summary>
public sealed class ImageFiles
{
    private static readonly string[] _endings = [".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib"];
    private static readonly EnumerationOptions _everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    private readonly bool _hasNumbers;

    private ImageFiles(string origin, IReadOnlyList<ImageFile> files, IReadOnlyList<string> findings, bool isList = false)
    {
        if (files.Count == 0) throw new AdaptationException(AdaptationError.EmptyData, $"{origin} names no image, expected files of {ImageDecoder.Kinds}.{string.Concat(findings.Select(finding => " " + finding))}");
        (Origin, Files, Findings) = (origin, [.. files], findings);
        Classes = files.All(file => file.Class is not null) ? [.. files.Select(file => file.Class!).Distinct().Order(StringComparer.Ordinal)] : [];
        _hasNumbers = isList && Classes.All(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _));
    }

    /// <summary>The folder or list.</summary>
    public string Origin { get; }

    /// <summary>The files.</summary>
    public ImmutableArray<ImageFile> Files { get; }

    /// <summary>What was left out, in words.</summary>
    public IReadOnlyList<string> Findings { get; }

    /// <summary>The classes in ordinal order, or none where a file has no class.</summary>
    public ImmutableArray<string> Classes { get; }

    /// <summary>
    /// The class of each file, broken ones included: its number where a list gives numbers, else its place in <see cref="Classes"/>, as torchvision
    /// numbers folders. Null where a file has no class.
    /// </summary>
    public IReadOnlyList<int>? Labels => Classes.IsEmpty ? null
        : [.. Files.Select(file => _hasNumbers ? int.Parse(file.Class!, CultureInfo.InvariantCulture) : Classes.BinarySearch(file.Class!, StringComparer.Ordinal))];

    /// <summary>Names of a model's classes by their numbers, where folders or words tell them and are as many as the classes; else null.</summary>
    /// <param name="classes">How many classes the model has.</param>
    public IReadOnlyList<string>? NamesOf(int classes) => !_hasNumbers && Classes.Length == classes ? Classes : null;

    /// <summary>
    /// The image files of a folder and its sub-folders, told by their endings (.png, .jpg, .jpeg, .jpe, .jfif, .webp, .bmp, .dib), in ordinal order of their relative
    /// paths. Classes are the names of the top folders. Hidden files and folders are passed over; links to files are followed, links to folders are not.
    /// </summary>
    /// <exception cref="AdaptationException">There are none.</exception>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static ImageFiles InFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var found = new List<ImageFile>();
        int others = 0, links = 0;
        var open = new Stack<(string Path, string Name)>([(folder, "")]);
        while (open.TryPop(out (string Path, string Name) current))
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(current.Path).EnumerateFileSystemInfos("*", _everything))
            {
                if (entry.Name.StartsWith('.') || entry.Attributes.HasFlag(FileAttributes.Hidden)) continue;
                string name = current.Name + entry.Name;
                bool isLink = entry.Attributes.HasFlag(FileAttributes.ReparsePoint);
                if (entry is DirectoryInfo && isLink) links++;
                else if (entry is DirectoryInfo) open.Push((entry.FullName, name + "/"));
                else if (_endings.Contains(entry.Extension, StringComparer.OrdinalIgnoreCase)) found.Add(new ImageFile(name, entry.FullName, TopFolder(name)));
                else others++;
            }
        }
        List<string> findings = [];
        if (others > 0) findings.Add(string.Create(CultureInfo.InvariantCulture, $"{others} files of other kinds in {folder} were left out."));
        if (links > 0) findings.Add(string.Create(CultureInfo.InvariantCulture, $"{links} links to folders in {folder} were not followed."));
        return new ImageFiles(folder, [.. found.OrderBy(file => file.Name, StringComparer.Ordinal)], findings);
    }

    /// <summary>
    /// The files that a text file names, a line each, in its order; relative paths start from the list's own folder, and '\' does for '/'. Behind a comma a line
    /// may give a class. A first line <c>path</c> or <c>path,label</c> is left out.
    /// </summary>
    /// <exception cref="AdaptationException">It names none.</exception>
    /// <exception cref="InvalidDataException">It is no text file, or gives some lines a class and others none.</exception>
    /// <exception cref="IOException">The list cannot be read.</exception>
    public static ImageFiles Listed(string list)
    {
        ArgumentException.ThrowIfNullOrEmpty(list);
        string folder = Path.GetDirectoryName(Path.GetFullPath(list))!;
        var files = new List<ImageFile>();
        foreach ((int number, string line) in TextLines.Read(list))
        {
            if (number == 1 && IsHeader(line)) continue;
            int comma = line.LastIndexOf(',');
            bool hasClass = comma > 0 && !IsImageName(line.Trim('"')); // a comma may belong to the name
            string name = (hasClass ? line[..comma] : line).Trim().Trim('"').Replace('\\', '/');
            files.Add(new ImageFile(name, Path.GetFullPath(name, folder), hasClass ? line[(comma + 1)..].Trim().Trim('"') : null));
            if (files[0].Class is null != files[^1].Class is null) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{list}, line {number}: some lines give a class and others none, expected 'path' or 'path,label' throughout."));
        }
        return new ImageFiles(list, files, [], isList: true);
    }

    /// <summary>Whether a file starts as an image does that is read here.</summary>
    public static bool LooksLikeImage(string path)
    {
        using FileStream stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[WebpHeader.Length];
        return ImageDecoder.IsKnown(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
    }

    /// <summary>Whether a file is text whose first line names an image, or is the line that <see cref="Listed"/> leaves out.</summary>
    public static bool LooksLikeList(string path)
    {
        Span<byte> start = stackalloc byte[1 << 10];
        if (TextLines.Peek(path, start).Contains((byte)0)) return false;
        string first = TextLines.Read(path).FirstOrDefault().Text ?? "";
        return IsHeader(first) || first.Split(',').Any(part => IsImageName(part.Trim().Trim('"')));
    }

    /// <summary>One image file.</summary>
    public static ImageFiles Single(string path) => new(path, [new ImageFile(path, Path.GetFullPath(path))], []);

    /// <summary>Some of the files, evenly from first to last.</summary>
    internal ImageFiles Sample(int most) =>
        Files.Length <= most ? this : new ImageFiles(Origin, [.. Enumerable.Range(0, most).Select(i => Files[(int)((long)i * Files.Length / most)])], []);

    /// <summary>The files without some of them, by number.</summary>
    internal ImageFiles Without(IReadOnlySet<int> numbers) => new(Origin, [.. Files.Where((_, number) => !numbers.Contains(number))], Findings);

    private static bool IsHeader(string line) => line.ToLowerInvariant() is "path" or "path,label";

    private static bool IsImageName(string text) => _endings.Contains(Path.GetExtension(text), StringComparer.OrdinalIgnoreCase);

    private static string? TopFolder(string name) => name.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? name[..slash] : null;
}
