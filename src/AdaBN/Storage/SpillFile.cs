using System.Globalization;
using System.IO.MemoryMappedFiles;

namespace AdaBN.Storage;

/// <summary>
/// A temporary file mapped into memory. Its room on the disk is taken at once, so that a full disk is an error here and not a crash at
/// some later write, and it is nameless (Unix) or marked for deletion (Windows) from the start, so that a killed process leaves nothing.
/// </summary>
internal sealed unsafe class SpillFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;

    public SpillFile(string folder, long length)
    {
        string path = Path.Combine(folder, $"adabn-{Path.GetRandomFileName()}.spill");
        try
        {
            var stream = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.Delete,
                Options = FileOptions.DeleteOnClose | FileOptions.RandomAccess,
                PreallocationSize = length,
            });
            try
            {
                if (!OperatingSystem.IsWindows()) File.Delete(path);
                stream.SetLength(length);
                _map = MemoryMappedFile.CreateFromFile(stream, null, length, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(string.Create(CultureInfo.InvariantCulture,
                $"Activations do not fit into the memory allowed, and {length >> 20} MB of temporary file could not be had in {folder}: {e.Message} Free disk space, choose another folder (SpillFolder), raise MaxMemory or read fewer samples (MaxSamples)."), e);
        }
        _view = _map.CreateViewAccessor(0, length);
        byte* address = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref address);
        Address = (nint)address;
        Length = length;
    }

    public nint Address { get; }

    public long Length { get; }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.SafeMemoryMappedViewHandle.Dispose(); // before the view, which would first write to the disk what nobody will ever read
        _view.Dispose();
        _map.Dispose();
    }
}
