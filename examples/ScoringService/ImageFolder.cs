using System.Security.Cryptography;
using AdaBN.Images;
using AdaBN.Onnx;

namespace ScoringService;

/// <summary>The new site's images: each a whole file that the model can read, under a name made of its content, so that an image sent twice counts once.</summary>
internal sealed class ImageFolder
{
    private readonly Lock _adding = new();
    private readonly SourceModel _source;
    private readonly int _most;
    private readonly string _folder;
    private readonly HashSet<string> _names;

    public ImageFolder(ServiceOptions options, SourceModel source)
    {
        (_source, _most) = (source, options.MaxImages);
        _folder = Directory.CreateDirectory(Path.Combine(options.Data, "images")).FullName;
        _names = [.. Directory.GetFiles(_folder).Select(file => Path.GetFileName(file)).Where(name => name[0] != '.')];
    }

    public int Count
    {
        get
        {
            lock (_adding) return _names.Count;
        }
    }

    /// <summary>The images of this moment, as samples in the order of their names.</summary>
    public ImageSamples Open() => new(ImageFiles.InFolder(_folder), _source.Preprocessing);

    /// <summary>Keeps an image; false where it is there already.</summary>
    /// <exception cref="InvalidDataException">It is broken, or there is no room; the message says which.</exception>
    public bool Keep(byte[] image)
    {
        _ = _source.Images.Prepare(image); // an image that an adaptation could not read is refused now, by name, and not then
        string name = NameOf(image);
        lock (_adding)
        {
            if (_names.Contains(name)) return false;
            if (_names.Count >= _most) throw new InvalidDataException($"{_most} images are kept, which is the most (--max-images); DELETE /images makes room");
            AtomicFile.Write(Path.Combine(_folder, name), stream => stream.Write(image));
            return _names.Add(name);
        }
    }

    public void Clear()
    {
        lock (_adding)
        {
            foreach (string name in _names) File.Delete(Path.Combine(_folder, name));
            _names.Clear();
        }
    }

    internal static string NameOf(byte[] image)
    {
        string ending = image[0] switch { 0x89 => ".png", (byte)'B' => ".bmp", (byte)'R' => ".webp", _ => ".jpg" };
        return Convert.ToHexStringLower(SHA256.HashData(image)) + ending;
    }
}
